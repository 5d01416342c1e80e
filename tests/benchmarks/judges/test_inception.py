"""Inception's features: resize variants by hand, and a random network in the file's real form."""

import numpy as np
import pytest
import torch
import torch_fidelity.feature_extractor_inceptionv3 as reference
from PIL import Image
from torchmetrics.image.fid import NoTrainInceptionV3

from benchmarks import mjhq_fid
from benchmarks.judges import inception
from benchmarks.judges.inception import RESIZES, InceptionFeatures
from benchmarks.mjhq_fid.commands import RESIZES as OFFERED
from benchmarks.mjhq_fid.official import score_official
from benchmarks.records import write_json
from benchmarks.results import Results

RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.integers(0, 256, (40, 60, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A random network's state dict under the keys of torch-fidelity's file."""
    path = tmp_path_factory.mktemp("weights") / "weights-inception-2015-12-05-6726825d.pth"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reference, "load_state_dict_from_url", lambda *_, **__: {})
        patch.setattr(reference.FeatureExtractorInceptionV3, "load_state_dict", lambda *_: None)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            network = reference.FeatureExtractorInceptionV3("inception", ["2048"])
            for layer in network.modules():
                if isinstance(layer, torch.nn.Conv2d):  # features of one size from layer to layer
                    torch.nn.init.kaiming_normal_(layer.weight)
    torch.save(network.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def extractors(weights):
    return {name: InceptionFeatures(weights, name, "cpu") for name in RESIZES}


def test_each_process_of_a_machine_takes_a_gpu_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    monkeypatch.setattr(inception, "read_network", lambda path: torch.nn.ParameterList())
    monkeypatch.setenv("LOCAL_RANK", "3")
    (tmp_path / "weights").write_bytes(b"")
    assert InceptionFeatures(tmp_path / "weights").device == torch.device("cuda", 3)


def test_every_resize_gives_floats_of_the_networks_size_between_0_and_255():
    for name, resized in RESIZES.items():
        pixels = resized(IMAGE)
        assert pixels.shape == (3, 299, 299), name
        assert 0 <= pixels.min() < pixels.max() <= 255
    assert tuple(RESIZES) == OFFERED


def test_clean_resizes_each_channel_in_floats_and_does_not_round():
    channel = Image.fromarray(IMAGE[..., 1].astype(np.float32))
    expected = np.asarray(channel.resize((299, 299), Image.Resampling.BICUBIC)).clip(0, 255)
    found = RESIZES["clean"](IMAGE)[1].numpy()
    np.testing.assert_array_equal(found, expected)
    assert (found != found.round()).mean() > 0.9


def test_the_torch_fidelity_resize_takes_the_left_pixel_where_tensorflow_1_did():
    # 2 -> 299 pixels: source x = i * 2 / 299, so that pixel 0 is the left one and from 149.5 on
    # both neighbours are the right one
    image = np.zeros((2, 2, 3), np.uint8)
    image[:, 1] = 200
    row = RESIZES["torch-fidelity"](image)[0, 0].numpy()
    assert row[0] == 0
    assert row[100] == pytest.approx(200 * (100 * 2 / 299), rel=1e-5)
    np.testing.assert_array_equal(row[150:], 200)


def test_torchmetrics_256_sees_the_centre_square_alone():
    wide = np.zeros((256, 512, 3), np.uint8)
    wide[:, 128:384] = 100  # exactly the crop
    np.testing.assert_allclose(RESIZES["torchmetrics-256"](wide).numpy(), 100, rtol=1e-6)


def test_features_equal_torch_fidelitys_own_forward(weights, extractors):
    network = reference.FeatureExtractorInceptionV3("inception", ["2048"], str(weights))
    pixels = torch.from_numpy(IMAGE).permute(2, 0, 1)[None]
    expected = network(pixels)[0].numpy()
    found = extractors["torch-fidelity"].features([IMAGE])
    assert found.shape == (1, 2048)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_features_equal_torchmetrics_own_forward_on_the_square_that_it_is_given(
    weights, extractors
):
    square = RANDOM.integers(0, 256, (256, 256, 3), dtype=np.uint8)
    network = NoTrainInceptionV3("inception", ["2048"], str(weights))
    expected = network(torch.from_numpy(square).permute(2, 0, 1)[None]).numpy()
    found = extractors["torchmetrics-256"].features([square])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_an_images_features_do_not_depend_on_its_batch(extractors):
    other = RANDOM.integers(0, 256, (30, 30, 3), dtype=np.uint8)
    alone = extractors["clean"].features([IMAGE])[0]
    np.testing.assert_allclose(extractors["clean"].features([other, IMAGE])[1], alone, rtol=1e-4)


def test_the_resize_and_the_weights_hash_are_in_label_and_protocol(extractors):
    judge = extractors["clean"]
    digest = judge.protocol["weights_sha256"]
    assert judge.protocol["resize"] == "clean"
    assert judge.label == f"inception_v3_{digest[:8]}-clean"  # random weights: not the official


def test_the_official_hash_has_the_official_name(weights, monkeypatch):
    digest = InceptionFeatures(weights, "clean", "cpu").protocol["weights_sha256"]
    monkeypatch.setattr(inception, "OFFICIAL", digest[:8])
    assert InceptionFeatures(weights, "clean", "cpu").label == "inception_v3_compat-clean"


def test_images_to_a_distance_on_a_local_file_of_weights(tmp_path, extractors):
    meta = {f"{n}": {"category": "food", "prompt": "soup"} for n in range(3)}
    write_json(tmp_path / "meta.json", meta)
    for side in ("made", "real"):
        for number in range(3):
            path = tmp_path / side / "images/food" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = RANDOM.integers(0, 256, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path)
        images = tmp_path / side / "images"
        mjhq_fid.judge(extractors["clean"], images, tmp_path / "meta.json", tmp_path / side)
    results = score_official(
        tmp_path / "made", tmp_path / "real", tmp_path / "meta.json", cache=tmp_path / "cache"
    )
    results.write(tmp_path / "scores")
    label = extractors["clean"].label
    assert set(Results.read(tmp_path / "scores").metrics) == {
        f"mjhq.kd@{label}-n3",
        f"mjhq.kd.food@{label}-n3",
    }
    assert "fd is not well defined for 3 images of 2048 features" in str(results.protocol)


def test_weights_of_another_network_are_refused(tmp_path):
    torch.save({"layer.weight": torch.zeros(2)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"must be Inception's state dict.*'layer\.weight'"):
        InceptionFeatures(tmp_path / "other.pth")
    (tmp_path / "text.pth").write_text("not weights")
    with pytest.raises(ValueError, match=r"text\.pth must be Inception's state dict"):
        InceptionFeatures(tmp_path / "text.pth")


def test_an_unknown_resize_is_refused(weights):
    with pytest.raises(ValueError, match=r"--resize must be one of clean, .*got 'legacy'"):
        InceptionFeatures(weights, "legacy")


def test_without_network_the_error_asks_for_a_local_file(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(inception, "URL_INCEPTION_V3", "http://127.0.0.1:9/weights.pth")
    with pytest.raises(OSError, match=r"must be a local file \(--inception PATH\)"):
        InceptionFeatures()
