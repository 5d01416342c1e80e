"""A cell's checkpoint on a prompts file of the user: which cell, which prompts, and a whole run."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks.geneval.layout import image_names
from benchmarks.judges.world import WorldJudge
from benchmarks.protocol import Request
from benchmarks.records import read_lines, write_lines
from benchmarks.references import Ceiling
from benchmarks.world import PromptConfig, write_prompts
from datamodules.world import World, WorldConfig
from datamodules.world.judges.template import TemplateJudge
from datamodules.world.prompts import geneval_prompts
from experiments.config import ConfigError
from experiments.planning.finished_runs import find_cell, inputs_of, read_plan
from experiments.running.ablate import Ablation
from experiments.sharing import benchmark_command, cells
from experiments.sharing.benchmark_command import CHOSEN, main, run_geneval, write_shown
from tests.experiments.sharing.conftest import RUN


@pytest.fixture(scope="module")
def world() -> World:
    return World(WorldConfig(classes=4, colours=4))


class Counting:
    """The perfect model, which counts what it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.ceiling, self.protocol, self.asked = Ceiling(folder), {"model": "counting"}, 0

    def generate(self, requests: Sequence[Request]) -> list[np.ndarray]:
        self.asked += len(requests)
        return self.ceiling.generate(requests)

    def answer(self, requests: Sequence[Request]) -> list[str]:
        return self.ceiling.answer(requests)


def test_prompts_that_name_what_the_world_has_not_are_left_out(world: World, tmp_path: Path):
    known = geneval_prompts(world, 2, "seen")
    unknown = {
        "tag": "single_object",
        "include": [{"class": "toothbrush", "count": 1}],
        "prompt": "a photo of a toothbrush",
    }
    assert "toothbrush" not in world.by_name
    write_lines(tmp_path / "all.jsonl", [unknown, *known])
    assert write_shown(world, tmp_path / "all.jsonl", tmp_path) == (len(known), len(known) + 1)
    assert read_lines(tmp_path / CHOSEN) == json.loads(json.dumps(known))
    write_lines(tmp_path / "none.jsonl", [unknown])
    with pytest.raises(ConfigError, match="must have a prompt that the world can show, got none"):
        write_shown(world, tmp_path / "none.jsonl", tmp_path)


def test_a_run_is_scored_and_not_repeated(world: World, tmp_path: Path):
    config = PromptConfig(geneval_per_tag=1, dpg_items=1, mjhq_images=1, vqa_per_kind=1)
    write_prompts(world, config, tmp_path / "prompts")
    shown, _ = write_shown(
        world, tmp_path / "prompts/geneval/evaluation_metadata.jsonl", tmp_path / "out"
    )
    model = Counting(tmp_path / "prompts")
    judge = WorldJudge(TemplateJudge(world), world)
    results = run_geneval(model, judge, tmp_path / "out", 2)
    overall = next(one for name, one in results.metrics.items() if ".overall@" in name)
    assert overall.value > 0.8  # the ceiling, by a judge of pixels
    assert results.n_scored == model.asked == 2 * shown
    (tmp_path / "out/images" / image_names(1, 1)[0]).unlink()
    again = run_geneval(model, judge, tmp_path / "out", 2)
    assert again.metrics == results.metrics
    assert model.asked == 2 * shown + 2  # the prompt whose image was gone


def test_the_cell_of_a_finished_run_is_found_with_what_it_reads(ablation: Callable[..., Ablation]):
    run = ablation(arms=("control", "fork", "reader"))
    assert run.run(jobs=2, track=False) == 0
    plan = read_plan(run.runs, "toy-tiny")
    cell = find_cell(plan, "control", 0, "generate")
    inputs = inputs_of(plan.steps[cell.steps["generate_geneval"]], run.store)
    assert inputs["train"].is_dir()
    with pytest.raises(
        ConfigError, match="must be one of control of seed 0, fork of seed 0, got reader"
    ):
        find_cell(plan, "reader", 0, "generate")  # it does not draw
    with pytest.raises(ConfigError, match="must hold a finished run"):
        read_plan(run.runs, "toy-none")


def test_a_folder_with_the_images_of_another_checkpoint_is_refused(
    ablation: Callable[..., Ablation],
    world: World,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    config = PromptConfig(geneval_per_tag=1, dpg_items=1, mjhq_images=1, vqa_per_kind=1)
    write_prompts(world, config, tmp_path / "prompts")

    class Planted:
        """The perfect model under the protocol of a `TrainedModel`, which has no arm or seed."""

        checkpoint = "model.pt"

        def __init__(self) -> None:
            self.generate = Ceiling(tmp_path / "prompts").generate

        @classmethod
        def of_cell(cls, *_: object) -> "Planted":
            return cls()

        @property
        def protocol(self) -> dict[str, str]:
            return {"architecture": "shared", "checkpoint": self.checkpoint}

    monkeypatch.setattr(cells, "TrainedModel", Planted)
    monkeypatch.setattr(cells, "tuned_sampling", lambda inputs: None)
    run = ablation(arms=("control",), seeds=(0, 1))
    assert run.run(jobs=2, track=False) == 0
    first, second = (cells.TrainedCell(cell, None, {}).model() for cell in run.plan.cells)
    out, judge = tmp_path / "out", WorldJudge(TemplateJudge(world), world)
    write_shown(world, tmp_path / "prompts/geneval/evaluation_metadata.jsonl", out)
    results = run_geneval(first, judge, out, 1)
    assert run_geneval(first, judge, out, 1).metrics == results.metrics
    trained = [cell.steps["train"] for cell in run.plan.cells]
    with pytest.raises(ValueError, match=f"'{trained[0]}' against '{trained[1]}'"):
        run_geneval(second, judge, out, 1)


def test_no_image_of_a_prompt_is_none_to_score(tmp_path: Path) -> None:
    asked = ["geneval", "--prompts", "none", "--out", str(tmp_path), "--images-per-prompt", "0"]
    with pytest.raises(ConfigError, match="--images-per-prompt must be at least 1, got 0"):
        main(asked)


def test_the_command_draws_judges_and_scores_by_the_weights_that_it_names(
    runs: Path, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    judge = WorldJudge(TemplateJudge(world), world)
    monkeypatch.setattr(benchmark_command, "world_judge", lambda config, inputs: judge)
    config = PromptConfig(geneval_per_tag=1, dpg_items=1, mjhq_images=1, vqa_per_kind=1)
    write_prompts(world, config, tmp_path / "prompts")
    prompts, out = tmp_path / "prompts/geneval/evaluation_metadata.jsonl", tmp_path / "out"
    chosen = ["--runs", str(runs), "--run", RUN, "--arm", "shared", "--images-per-prompt", "1"]
    assert main(["geneval", *chosen, "--prompts", str(prompts), "--out", str(out)]) == 0
    results = json.loads((out / "results.json").read_text())
    assert results["n_scored"] == results["n_expected"] == len(read_lines(out / CHOSEN))
    assert results["protocol"]["model"]["checkpoint"] == "train-shared"
