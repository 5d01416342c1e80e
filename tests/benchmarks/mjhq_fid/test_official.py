"""FID and KID by category and overall: names, warnings, the cache, feature sets that do not fit."""

import argparse

import numpy as np
import pytest

from benchmarks.distances import frechet_distance, unbiased_mmd
from benchmarks.mjhq_fid import comparison as module
from benchmarks.mjhq_fid import write_features
from benchmarks.mjhq_fid.commands import arguments, run_verb
from benchmarks.mjhq_fid.official import score_official
from benchmarks.records import MissingItemsError, write_json
from benchmarks.results import Results

RANDOM = np.random.default_rng(0)
IDS = [f"image{number}" for number in range(60)]
CATEGORIES = ["animals"] * 40 + ["food"] * 15 + ["art"] * 5


def features(shift=0.0):
    return RANDOM.normal(shift, 1, (60, 8)).astype(np.float16)


@pytest.fixture
def folders(tmp_path):
    """Return made and real features [60, 8] and their folders; `judge` and label may be changed."""
    rows = zip(IDS, CATEGORIES, strict=True)
    write_json(tmp_path / "meta.json", {n: {"category": c, "prompt": ""} for n, c in rows})
    arrays = {"made": features(0.5), "real": features()}
    for name, array in arrays.items():
        write_features(tmp_path / name / "features.npz", IDS, array)
        stated(tmp_path / name)
    return tmp_path, arrays["made"].astype(float), arrays["real"].astype(float)


def stated(folder, label="inception_v3_compat-clean", **judge):
    judge = {"extractor": "inception_v3_compat", "resize": "clean", **judge}
    write_json(folder / "manifest.json", {"label": label, "judge": judge})


def scored(folder, **settings):
    return score_official(folder / "made", folder / "real", folder / "meta.json", **settings)


def test_fid_is_reported_overall_and_by_category_with_its_number_of_images(folders):
    folder, made, real = folders
    metrics = scored(folder).metrics
    expected = {
        "mjhq.fid@inception_v3_compat-clean-n60": frechet_distance(real, made),
        "mjhq.kid@inception_v3_compat-clean-n60": unbiased_mmd(real, made),
        "mjhq.fid.animals@inception_v3_compat-clean-n40": frechet_distance(real[:40], made[:40]),
        "mjhq.fid.food@inception_v3_compat-clean-n15": frechet_distance(real[40:55], made[40:55]),
        "mjhq.kid.art@inception_v3_compat-clean-n5": unbiased_mmd(real[55:], made[55:]),
    }
    assert {name: metric.value for name, metric in metrics.items()} == pytest.approx(expected)
    assert not metrics["mjhq.fid@inception_v3_compat-clean-n60"].higher_is_better


def test_fewer_images_than_features_give_a_warning_and_the_kernel_distance(folders, caplog):
    protocol = scored(folders[0]).protocol
    expected = "art: fid is not well defined for 5 images of 8 features, kid stands in its place"
    assert protocol["warnings"] == [expected]
    assert expected in caplog.text


def test_a_distance_on_other_features_is_not_called_fid(folders):
    folder = folders[0]
    for side in ("made", "real"):
        stated(folder / side, "inception_v3_0badc0de-clean", extractor="inception_v3_0badc0de")
    names = scored(folder).metrics
    assert "mjhq.fd@inception_v3_0badc0de-clean-n60" in names
    assert not [name for name in names if "fid" in name or "kid" in name]


def test_features_of_two_resizes_are_not_compared(folders):
    folder = folders[0]
    stated(folder / "real", "inception_v3_compat-torch-fidelity", resize="torch-fidelity")
    with pytest.raises(ValueError, match=r"one extractor.*resize 'clean' and 'torch-fidelity'"):
        scored(folder)


def test_moments_of_the_real_images_are_cached_by_content(folders, monkeypatch):
    folder = folders[0]
    first = scored(folder)
    assert len(list((folder / "real/statistics").iterdir())) == 3  # one a category
    calls = []
    gathered = module.gather
    monkeypatch.setattr(module, "gather", lambda *given: calls.append(1) or gathered(*given))
    assert scored(folder).metrics == first.metrics
    assert len(calls) == 3  # the generated images alone
    write_features(folder / "real/features.npz", IDS, features(2.0))
    assert scored(folder).metrics != first.metrics
    assert len(calls) == 3 + 6


def test_missing_features_are_counted_and_named_and_can_be_allowed(folders):
    folder, made, real = folders
    write_features(folder / "made/features.npz", IDS[1:], made[1:])
    with pytest.raises(MissingItemsError, match=r"got 1 of 60 missing or unreadable: image0\."):
        scored(folder)
    results = scored(folder, allow_missing=True)
    assert results.protocol["missing"] == ["image0"]
    value = results.metrics["mjhq.fid@inception_v3_compat-clean-n59"].value
    assert value == pytest.approx(frechet_distance(real, made[1:]))


def test_a_category_without_generated_images_still_counts_among_the_real_ones(folders):
    folder, made, real = folders
    write_features(folder / "made/features.npz", IDS[:55], made[:55])
    metrics = scored(folder, allow_missing=True).metrics
    assert "mjhq.kid.art@inception_v3_compat-clean-n5" not in metrics
    value = metrics["mjhq.fid@inception_v3_compat-clean-n55"].value
    assert value == pytest.approx(frechet_distance(real, made[:55]))


def test_features_of_unknown_origin_are_refused(folders):
    (folders[0] / "made/manifest.json").unlink()
    with pytest.raises(ValueError, match="must lie beside the manifest"):
        scored(folders[0])


def test_the_command_scores_and_prints_every_metric(folders, capsys):
    folder = folders[0]
    parser = argparse.ArgumentParser()
    for flags, keywords in arguments("score"):
        parser.add_argument(*flags, **keywords)
    paths = {"records": "made", "reference": "real", "meta": "meta.json", "out": "scores"}
    options = [word for flag, name in paths.items() for word in (f"--{flag}", str(folder / name))]
    run_verb("score", parser.parse_args(options))
    printed = capsys.readouterr().out
    results = Results.read(folder / "scores")
    assert all(name in printed for name in results.metrics)
    assert "warning: art: fid is not well defined" in printed
