"""The steps of the benchmarks whose prompts hold pictures, on a tiny trained cell."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.protocol import Request
from datamodules.world.picture_benchmarks import BENCHMARK_KINDS
from experiments.build import build_module
from experiments.conditioned import brackets, steps
from experiments.conditioned.config import ConditionedConfig
from experiments.conditioned.model import ImagePromptedModel
from experiments.config import view
from experiments.planning.graph import cell_steps
from experiments.planning.graph_variants import IN_CONTEXT, PICTURE_BENCHMARKS, VARIANTS
from experiments.scoring.tune import CHOSEN, tuned_sampling
from experiments.store.markers import write_json, write_marker
from experiments.store.steps import load_function
from models.context import TrunkConfig
from models.shared import SharedConfig
from models.training import TrainConfig
from tests.benchmarks.conditioned.worlds import KnowsScenes
from tests.experiments.builders import cell_folders, tiny_config

BOTH = ("understand", "generate")
CONFIG = tiny_config(
    model=SharedConfig(trunk=TrunkConfig(depth=1, width=16, heads=1, kv_heads=1, feed_forward=16)),
    train=TrainConfig(init="scratch", precision="32-true"),
    conditioned=ConditionedConfig(prompts="pictures", per_kind=1),
)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An untrained cell with its codec, and sampling settings."""
    root = tmp_path_factory.mktemp("steps")
    folders = cell_folders(CONFIG, root, "stage0", "train", "tune", "judge")
    module = build_module(CONFIG, folders)
    torch.save(module.state_dict(), folders["train"] / "model.pt")
    write_marker(folders["train"], {})
    write_json(folders["tune"] / CHOSEN, {"sampling": {"chunk": 4, "prompt_length": 48}})
    return folders


def run(name: str, inputs: dict[str, Path], root: Path) -> Path:
    """Runs a step of the graph on the folders of earlier ones."""
    kind = {
        **VARIANTS["pictures"](cell_steps(BOTH)),
        **VARIANTS["examples"](cell_steps(BOTH)),
    }[name]
    out = root / name
    out.mkdir()
    folders = {one: inputs.get(one, root / one) for one in kind.inputs}
    load_function(kind.entry)(view(CONFIG, kind.parts), folders, out)
    return out


@pytest.mark.parametrize("benchmark", [*PICTURE_BENCHMARKS, IN_CONTEXT])
def test_a_cell_is_asked_drawn_judged_and_scored(
    benchmark: str, inputs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "world_judge", lambda config, inputs: KnowsScenes([]))
    for verb in ("prompts", "generate", "judge", "score"):
        out = run(f"{verb}_{benchmark}", inputs, tmp_path)
    results = json.loads((out / "results.json").read_text())
    assert results["benchmark"] == benchmark
    assert results["metrics"][f"{benchmark}.overall@test"]["value"] == 0
    kinds = BENCHMARK_KINDS.get(benchmark, ())
    assert results["n_scored"] == (3 * len(kinds) or 23)
    assert results["protocol"]["model"]["architecture"] == "shared"


def test_ceiling_floor_and_copy_bracket_all_three_benchmarks(
    inputs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brackets, "world_judge", lambda config, inputs: KnowsScenes([]))
    for benchmark in PICTURE_BENCHMARKS:
        run(f"prompts_{benchmark}", inputs, tmp_path)
    out = run("conditioned_brackets", inputs, tmp_path)
    lines = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    assert [(one["row"], one["benchmark"]) for one in lines] == [
        (row, benchmark) for benchmark in BENCHMARK_KINDS for row in ("ceiling", "copy", "floor")
    ]


def test_a_prompt_with_pictures_has_room_and_each_image_depends_on_its_request_alone(
    inputs: dict[str, Path],
) -> None:
    model = ImagePromptedModel.of_cell(CONFIG, inputs, tuned_sampling(inputs))
    black, white = (np.full((32, 32, 3), shade, np.uint8) for shade in (0, 255))
    story = " , ".join(["a dog top left <image>"] * 2 + ["the same picture and no dog"])
    requests = [
        Request(story, (black, white), seed=3),
        Request("a photo of a dog", (), seed=4),
        Request("<image> the same picture", (white,), seed=5),
    ]
    together = model.generate(requests)
    assert [image.shape for image in together] == [(32, 32, 3)] * 3
    assert all(
        np.array_equal(model.generate([one])[0], image)
        for one, image in zip(requests, together, strict=True)
    )


def test_a_cell_that_does_not_draw_has_the_prompts_and_no_drawing() -> None:
    for variant in ("pictures", "examples"):
        found = VARIANTS[variant](cell_steps(("understand",)))
        new = found.keys() - cell_steps(("understand",)).keys()
        assert not [name for name in new if name.startswith(("generate", "judge_", "score"))]
        assert found["train"].inputs == cell_steps(("understand",))["train"].inputs


def test_the_training_data_depend_on_which_prompts_hold_pictures() -> None:
    for variant in ("pictures", "examples"):
        assert "conditioned" in VARIANTS[variant](cell_steps(BOTH))["data"].parts


def test_every_step_of_picture_prompts_is_there() -> None:
    for variant in ("pictures", "examples"):
        for name, kind in VARIANTS[variant](cell_steps(BOTH)).items():
            assert callable(load_function(kind.entry)), name


def test_the_graph_names_the_worlds_picture_benchmarks() -> None:
    assert tuple(BENCHMARK_KINDS) == PICTURE_BENCHMARKS
