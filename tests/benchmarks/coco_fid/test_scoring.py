"""FID of a sample against real images of which it is a part; the whole command on stub features."""

import json

import numpy as np
import pytest

from benchmarks.__main__ import main
from benchmarks.coco_fid import command
from benchmarks.coco_fid.captions import read_captions, sample, write_meta
from benchmarks.coco_fid.scoring import score
from benchmarks.distances import frechet_distance, unbiased_mmd
from benchmarks.images import write_image
from benchmarks.judges import inception
from benchmarks.mjhq_fid import comparison, write_features
from benchmarks.records import MissingItemsError, write_json
from benchmarks.results import Results
from tests.benchmarks.coco_fid.annotations import STEMS, annotations, written

RANDOM = np.random.default_rng(0)
SAMPLES = 30
LABEL = "inception_v3_compat-torchmetrics-256"


@pytest.fixture
def folder(tmp_path):
    """Features [40, 8] of all real images and [30, 8] of those drawn from a sample."""
    captions = read_captions(written(tmp_path, annotations()))
    wanted = sample(captions, SAMPLES)
    write_meta(tmp_path / "sample.json", wanted)
    rows = {"real": (STEMS, 0.0), "made": (list(wanted), 0.5)}
    for name, (ids, shift) in rows.items():
        features = RANDOM.normal(shift, 1, (len(ids), 8)).astype(np.float16)
        write_features(tmp_path / name / "features.npz", ids, features)
        stated(tmp_path / name)
    return tmp_path


def stated(folder, resize="torchmetrics-256"):
    judge = {"extractor": "inception_v3_compat", "resize": resize}
    write_json(folder / "manifest.json", {"label": LABEL, "judge": judge})


def features(folder):
    with np.load(folder / "features.npz") as arrays:
        return dict(zip(arrays["ids"].tolist(), arrays["features"].astype(float), strict=True))


def scored(folder, **settings):
    return score(folder / "made", folder / "real", folder / "sample.json", **settings)


def test_fid_is_that_to_the_real_images_of_the_sample_alone(folder):
    made, real = features(folder / "made"), features(folder / "real")
    same = np.stack([real[stem] for stem in made])
    drawn = np.stack(list(made.values()))
    results = scored(folder)
    found = {name: metric.value for name, metric in results.metrics.items()}
    assert found == pytest.approx(
        {
            f"coco.fid@{LABEL}-n30": frechet_distance(same, drawn),
            f"coco.kid@{LABEL}-n30": unbiased_mmd(same, drawn),
        }
    )
    assert results.protocol["reference"]["n"] == SAMPLES  # of the 40 real images


def test_the_moments_of_the_real_images_are_cached(folder, monkeypatch):
    first = scored(folder)
    assert len(list((folder / "real/statistics").iterdir())) == 1
    calls = []
    gathered = comparison.gather
    monkeypatch.setattr(comparison, "gather", lambda *given: calls.append(1) or gathered(*given))
    assert scored(folder).metrics == first.metrics
    assert len(calls) == 1  # the drawn images


def test_an_image_of_the_sample_without_features_is_named(folder):
    made = features(folder / "made")
    names = list(made)
    write_features(folder / "made/features.npz", names[1:], np.stack(list(made.values())[1:]))
    with pytest.raises(MissingItemsError, match=f"1 of 30 .*: {names[0]}"):
        scored(folder)
    assert f"coco.fid@{LABEL}-n29" in scored(folder, allow_missing=True).metrics
    real = {stem: row for stem, row in features(folder / "real").items() if stem != names[1]}
    write_features(folder / "real/features.npz", list(real), np.stack(list(real.values())))
    with pytest.raises(MissingItemsError, match=f"reference features .* 1 of 30 .*: {names[1]}"):
        scored(folder, allow_missing=True)


def test_features_of_two_resizes_or_of_unknown_origin_are_refused(folder):
    stated(folder / "real", "clean")
    with pytest.raises(ValueError, match="resize 'torchmetrics-256' and 'clean'"):
        scored(folder)
    (folder / "real/manifest.json").unlink()
    with pytest.raises(ValueError, match="must lie beside the manifest"):
        scored(folder)


class Shades:
    """Inception's place: the means of an image's channels."""

    label = "shades"

    def __init__(self, path, resize, device):
        self.protocol = {"extractor": "shades", "resize": resize}

    def features(self, images):
        return np.stack([image.mean((0, 1)) for image in images]).astype(np.float32)


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """COCO's images, and as many drawn for a sample: their own copies."""
    monkeypatch.setattr(inception, "InceptionFeatures", Shades)
    path = written(tmp_path, annotations())
    for stem in STEMS:
        image = RANDOM.integers(0, 256, (4, 4, 3), np.uint8)
        write_image(tmp_path / f"val2014/{stem}.jpg", image)
        write_image(tmp_path / f"all/{stem}.png", image)
    return tmp_path, ["--captions", str(path), "--samples", "30"]


def run(*words):
    return main([str(word) for word in words])


def test_the_commands_judge_all_real_images_and_a_perfect_model_has_no_distance(shop, capsys):
    root, asked = shop
    captions = read_captions(root / "captions_val2014.json")
    for stem in sample(captions, 30):
        (root / f"all/{stem}.png").rename(root / f"val-{stem}.png")
    (root / "made").mkdir()
    for path in root.glob("val-*.png"):
        path.rename(root / "made" / path.name.removeprefix("val-"))
    real = ["--images", root / "val2014", "--real", "--out", root / "real"]
    assert run("judge", "coco_fid", *asked, *real) == 0
    last = ["--reference", root / "real", "--out", root / "scores"]
    assert run("run", "coco_fid", *asked, "--model", f"folder:{root / 'made'}", *last) == 0
    results = Results.read(root / "scores")
    assert results.metrics["coco.fd@shades-n30"].value == pytest.approx(0, abs=1e-2)
    assert results.protocol["prompts"]["file"] == "captions-30-seed0.json"
    assert results.protocol["judge"]["resize"] == command.RESIZE
    assert "coco.fd@shades-n30" in capsys.readouterr().out


def test_fewer_images_than_were_asked_for_are_named(shop, capsys):
    root, asked = shop
    captions = read_captions(root / "captions_val2014.json")
    lacking = next(iter(sample(captions, 30)))
    for path in (root / "all").iterdir():
        if path.stem not in sample(captions, 30) or path.stem == lacking:
            path.unlink()
    words = ["--images", root / "all", "--out", root / "records"]
    assert run("judge", "coco_fid", *asked, *words) == 2
    assert f"got 1 of 30 missing or unreadable: {lacking}" in capsys.readouterr().err


def test_images_of_another_sample_are_refused(shop, capsys):
    root, asked = shop
    words = ["--images", root / "all", "--out", root / "records"]
    assert run("judge", "coco_fid", *asked, *words) == 2
    assert "got 10 that do not" in capsys.readouterr().err
    (root / "all/manifest.json").write_text(
        json.dumps({"prompts": {"file": "captions-30-seed1.json", "sha256": "0" * 64}})
    )
    assert run("judge", "coco_fid", *asked, *words) == 2
    assert "got captions-30-seed1.json" in capsys.readouterr().err
