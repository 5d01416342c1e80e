"""Distances of feature sets: against torchmetrics, against known cases, and their error bars."""

import numpy as np
import pytest
import torch
from torchmetrics.image.fid import _compute_fid
from torchmetrics.image.kid import poly_kernel, poly_mmd

from benchmarks import mjhq_fid
from benchmarks.mjhq_fid import frechet_distance, kernel_distance, read_features, write_features
from benchmarks.records import write_json

RANDOM = np.random.default_rng(0)


def normal(rows, dimensions=8, shift=0.0):
    return RANDOM.normal(shift, 1, (rows, dimensions))


def test_the_frechet_distance_equals_torchmetrics():
    real, made = normal(200), normal(150, shift=0.5) * 2
    parts = [torch.from_numpy(rows) for rows in (real, made)]
    moments = [moment for rows in parts for moment in (rows.mean(0), torch.cov(rows.T))]
    assert frechet_distance(real, made) == pytest.approx(float(_compute_fid(*moments)), rel=1e-9)


def test_the_frechet_distance_of_a_set_to_itself_moved_is_the_square_of_the_move():
    real = normal(100)
    assert frechet_distance(real, real + 3.0) == pytest.approx(8 * 3.0**2)


def test_the_kernel_distance_equals_torchmetrics_but_for_pairs_of_one_caption():
    real, made = normal(50), normal(50, shift=0.5)
    parts = [torch.from_numpy(rows) for rows in (real, made)]
    across = poly_kernel(*parts)
    apart = (across.sum() - across.trace()) / (50 * 49)
    expected = poly_mmd(*parts) + 2 * across.mean() - 2 * apart
    assert kernel_distance(real, made)[0] == pytest.approx(float(expected), rel=1e-9)


def test_the_pseudo_values_are_those_of_leaving_one_pair_out():
    real, made = normal(12), normal(12, shift=0.5)
    value, pseudo = kernel_distance(real, made)
    kept = np.arange(12) != 4
    without = kernel_distance(real[kept], made[kept])[0]
    assert pseudo[4] == pytest.approx(12 * value - 11 * without)
    assert pseudo.mean() == pytest.approx(value)


def scored(folder, made, real, again, categories):
    ids = [str(number) for number in range(len(made))]
    meta = {
        name: {"category": category, "prompt": ""}
        for name, category in zip(ids, categories, strict=True)
    }
    write_json(folder / "meta_data.json", meta)
    write_json(folder / "manifest.json", {"label": "test"})
    for name, rows in (("features", made), ("reference", real), ("again", again)):
        write_features(folder / f"{name}.npz", ids[: len(rows)], rows)
    return mjhq_fid.score(folder / "features.npz", folder / "meta_data.json")


def test_images_of_the_real_kind_are_at_distance_zero_within_the_interval(tmp_path):
    results = scored(tmp_path, normal(60), normal(60), normal(60), ["food"] * 58 + ["art"] * 2)
    distance = results.metrics["mjhq.kd@test-n60"]
    assert distance.ci_low < 0 < distance.ci_high
    assert not distance.higher_is_better
    assert results.metrics["mjhq.fd@test-n60"].ci_low is None
    # two images of "art" are too few for a distance
    assert set(results.metrics) == {
        "mjhq.fd@test-n60",
        "mjhq.fd.real@test-n60",
        "mjhq.kd@test-n60",
        "mjhq.kd.real@test-n60",
        "mjhq.kd.food@test-n58",
    }


def test_images_of_another_kind_lie_beyond_the_interval_of_zero(tmp_path):
    results = scored(tmp_path, normal(60, shift=2.0), normal(60), normal(60), ["food"] * 60)
    assert results.metrics["mjhq.kd@test-n60"].ci_low > 0
    metrics = results.metrics
    assert metrics["mjhq.fd@test-n60"].value > 3 * metrics["mjhq.fd.real@test-n60"].value


def test_features_that_are_no_numbers_or_come_twice_are_refused(tmp_path):
    broken = normal(3)
    broken[1, 2] = np.nan
    write_features(tmp_path / "nan.npz", ["a", "b", "c"], broken)
    with pytest.raises(ValueError, match="must hold numbers, got NaN for b"):
        read_features(tmp_path / "nan.npz")
    write_features(tmp_path / "twice.npz", ["a", "b", "a"], normal(3))
    with pytest.raises(ValueError, match="must hold each id once, got 1 again"):
        read_features(tmp_path / "twice.npz")
