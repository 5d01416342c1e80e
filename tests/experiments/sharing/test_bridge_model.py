"""A bridge of published parts under the benchmarks' protocol: pictures, negatives, the command."""

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.abilities import OpposedRequest, require_negatives, require_pictures
from benchmarks.protocol import Request
from benchmarks.records import read_json
from experiments.__main__ import main
from experiments.sharing.bridge_model import open_model
from models.bridging.decoder_bridge import PipelineBridge, PipelineBridgeConfig
from models.bridging.decoder_pipeline import open_decoder
from models.bridging.frozen_reader import open_reader
from tests.models.bridging.tiny_decoders import save_stable_diffusion
from tests.models.bridging.tiny_frozen import SEEING, save_causal

SETTINGS = "?steps=2&guidance=30"
RANDOM = np.random.default_rng(0)
PICTURES = [RANDOM.integers(0, 256, size, np.uint8) for size in ((16, 16, 3), (24, 16, 3))]


def saved(folder: Path, reader: Path) -> Path:
    decoder = open_decoder(save_stable_diffusion(folder / "sd"), tuned=False)
    config = PipelineBridgeConfig(queries=4, connector_depth=1)
    PipelineBridge(config, open_reader(reader), decoder, seed=0).save(folder / "bridge")
    return folder / "bridge"


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seeing")
    return saved(folder, SEEING["qwen2_5_vl"](folder / "reader"))


def test_an_image_depends_on_its_pictures_its_text_its_negative_and_its_seed_alone(
    bridge: Path,
) -> None:
    model = open_model(f"{bridge}{SETTINGS}")
    require_pictures(model, "a test")
    require_negatives(model, "a test")
    asked = [
        Request("a cat", (PICTURES[0],), seed=1),
        Request("a cat", (PICTURES[1],), seed=1),
        Request("a cat", seed=1),
        OpposedRequest("a cat", seed=1, negative="The dog"),
        Request("The dog", seed=1),
        Request("a cat", seed=2),
    ]
    images = model.generate(asked)
    assert all(image.dtype == np.uint8 and image.shape == images[0].shape for image in images)
    for number, image in enumerate(images):
        assert all((image != other).any() for other in images[number + 1 :])
    for number in (1, 3):
        [alone] = model.generate([asked[number]])
        assert np.abs(alone.astype(int) - images[number]).max() <= 1


def test_the_protocol_names_bridge_reader_and_settings(bridge: Path) -> None:
    protocol = open_model(f"{bridge}?steps=2").protocol
    assert protocol["model"] == "bridge"
    assert protocol["reader"].endswith("reader")
    assert (protocol["steps"], protocol["guidance"]) == (2, 3.0)
    assert str(protocol["revision"]).startswith("sha256 ")


def test_a_bridge_without_guidance_takes_no_negatives(bridge: Path) -> None:
    model = open_model(f"{bridge}?guidance=1")
    with pytest.raises(ValueError, match="take negative prompts for a test, got bridge"):
        require_negatives(model, "a test")


def test_a_bridge_to_a_reader_of_text_is_refused_pictures(tmp_path: Path) -> None:
    model = open_model(str(saved(tmp_path, save_causal(tmp_path / "reader"))))
    with pytest.raises(ValueError, match=r"draw from images .* for dreambench, got bridge"):
        require_pictures(model, "dreambench")


def test_the_benchmarks_command_takes_a_bridge(bridge: Path, tmp_path: Path) -> None:
    pair = {"prompt1": "a cat", "prompt2": "The dog", "description1": "a", "description2": "b"}
    (tmp_path / "data.json").write_text(json.dumps([pair]))
    words = ["benchmarks", "generate", "commonsense_t2i", "--model", f"bridge:{bridge}{SETTINGS}"]
    words += ["--prompts", str(tmp_path / "data.json"), "--negative-prompts"]
    assert main([*words, "--images-per-prompt", "1", "--out", str(tmp_path / "out")]) == 0
    assert len([*(tmp_path / "out").rglob("*-1.png")]) == 2
    assert read_json(tmp_path / "out/manifest.json")["model"]["guidance"] == 30.0
