"""A trained bridge as a benchmark's model: it draws prompts, and answers as its frozen reader."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.adapters.image_text import ImageTextModel
from benchmarks.protocol import Request
from experiments.bridging.fit import BRIDGE, train_stage
from experiments.sharing.benchmarks_command import main
from experiments.sharing.bridge_model import BridgeModel
from tests.experiments.bridging.conftest import recipe
from tests.models.bridging.conftest import image

QUICK = "?steps=2&guidance=2.0"


@pytest.fixture(scope="module")
def folder(parts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bridge after both stages, one step each."""
    runs = tmp_path_factory.mktemp("runs")
    asked = recipe(parts, reader="looking", steps=1)
    for stage in asked.stages:
        train_stage(asked, stage, runs)
    return runs / "instruct" / BRIDGE


def test_an_image_follows_from_text_references_and_seed(folder: Path) -> None:
    model, look = BridgeModel(f"{folder}{QUICK}"), image(16, 16, 1)
    requests = [
        Request("a red cat"),
        Request("The dog"),
        Request("a red cat", seed=1),
        Request("a red cat", images=(look,)),
    ]
    drawn = model.generate(requests)
    assert all(one.shape == (32, 32, 3) and one.dtype == np.uint8 for one in drawn)
    assert all(not np.array_equal(drawn[0], other) for other in drawn[1:])
    alone = model.generate([requests[3]])[0].astype(int)
    assert np.abs(alone - drawn[3].astype(int)).max() <= 1


def test_an_image_is_what_the_bridge_draws_in_bytes(folder: Path) -> None:
    model = BridgeModel(f"{folder}{QUICK}")
    from models.bridging.frozen_prompts import Prompt

    pixels = model.bridge.draw([Prompt("a cat")], [3], 2, 2.0)[0].clamp(0, 1)
    expected = (pixels * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()
    assert np.array_equal(model.generate([Request("a cat", seed=3)])[0], expected)


def test_answers_are_those_of_the_untouched_reader(folder: Path, parts: Path) -> None:
    requests = [Request("a red"), Request("cat of", images=(image(16, 16, 2),))]
    found = BridgeModel(f"{folder}?max_tokens=6").answer(requests)
    expected = ImageTextModel(f"{parts / 'looking'}?max_tokens=6", "cpu").answer(requests)
    assert found == [one.strip() for one in expected]
    assert all(found)


def test_geneval_draws_with_it_by_name(folder: Path, tmp_path: Path) -> None:
    prompts = tmp_path / "evaluation_metadata.jsonl"
    line = {"tag": "single_object", "include": [{"class": "dog", "count": 1}], "prompt": "a dog"}
    prompts.write_text(json.dumps(line) + "\n")
    model = ["--model", f"bridge:{folder}{QUICK}", "--seeds", "running"]
    place = ["--prompts", str(prompts), "--images-per-prompt", "2", "--out", str(tmp_path / "out")]
    main(["generate", "geneval", *model, *place])
    assert len(list((tmp_path / "out").rglob("*.png"))) == 2
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert '"guidance": 2.0' in json.dumps(manifest)


def test_a_folder_without_a_bridge_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must hold a saved bridge, got"):
        BridgeModel(str(tmp_path))
