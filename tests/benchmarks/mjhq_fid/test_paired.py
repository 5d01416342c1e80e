"""Distances to the features beside the prompts: names, intervals, what zero looks like."""

import numpy as np
import pytest

from benchmarks import mjhq_fid
from benchmarks.mjhq_fid import write_features
from benchmarks.records import write_json

RANDOM = np.random.default_rng(0)


def normal(rows, dimensions=8, shift=0.0):
    return RANDOM.normal(shift, 1, (rows, dimensions))


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
    influences = [item.value for item in results.items]
    margin = 2.001 * np.std(influences, ddof=1) / 60**0.5  # t of 59 degrees
    assert distance.ci_high - distance.value == pytest.approx(margin, rel=1e-4)
    assert distance.value - distance.ci_low == pytest.approx(margin, rel=1e-4)
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


def test_the_interval_of_three_images_is_as_wide_as_that_of_t(tmp_path):
    results = scored(tmp_path, normal(3), normal(3), normal(3), ["food"] * 3)
    distance = results.metrics["mjhq.kd@test-n3"]
    error = np.std([item.value for item in results.items], ddof=1) / 3**0.5
    assert distance.ci_high - distance.value == pytest.approx(4.303 * error, rel=1e-3)


def test_images_of_another_kind_lie_beyond_the_interval_of_zero(tmp_path):
    results = scored(tmp_path, normal(60, shift=2.0), normal(60), normal(60), ["food"] * 60)
    assert results.metrics["mjhq.kd@test-n60"].ci_low > 0
    metrics = results.metrics
    assert metrics["mjhq.fd@test-n60"].value > 3 * metrics["mjhq.fd.real@test-n60"].value
