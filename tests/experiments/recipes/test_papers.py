"""The shipped recipes at toy size, stage by stage, and what is printed of them."""

from pathlib import Path
from typing import Any

import pytest
import torch

from experiments.__main__ import FAILED, main
from experiments.build import trained_module
from experiments.config import view
from experiments.executors.choice import Machines
from experiments.executors.local import LocalExecutor
from experiments.planning.plan import cell_config
from experiments.recipes.recipe import PAPERS, load_recipe
from experiments.running.ablate import Ablation
from tests.experiments.recipes.conftest import Runs, planned

TOY_SIZES = (
    *("world.classes=4", "world.colours=4", "tokenizer.levels=[3,3,3]", "tokenizer.width=8"),
    *("model.trunk.width=16", "model.trunk.feed_forward=24", "data.scenes=6"),
    *("train.steps=2", "train.checkpoints=1", "train.precision=32-true"),
)
STAGES = {
    "unifork": "align_imagenet align_web joint joint_tuning branch_generate branch_understand",
    "utamoe": "base feed_forward_understand feed_forward_generate experts",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", STAGES)
def test_every_stage_of_a_paper_runs_and_the_last_is_an_ordinary_arm(
    name: str, tmp_path: Path
) -> None:
    runs = Runs(planned(PAPERS, name, TOY_SIZES), tmp_path)
    folders = {stage: runs.train(stage) for stage in load_recipe(name).stages}
    last = list(folders)[-1]
    step = runs.step(last, "train")
    assert runs.plan.stages_behind(step.folder) == STAGES[name].split()
    inputs = {one: runs.store.path(folder) for one, folder in step.inputs.items()}
    config = view(cell_config(runs.plan, step), step.parts)
    arm = trained_module(config, {**inputs, "train": folders[last]})
    assert arm.trained_tasks == ("understand", "generate")
    assert all(torch.isfinite(parameter).all() for parameter in arm.parameters())


def test_the_list_names_papers_and_stages(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipe", "list"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for name, stages in STAGES.items():
        assert f"{name}: {load_recipe(name).paper}" in shown
        assert stages.replace(" ", ", ") in shown


def test_published_sizes_are_for_planning_alone(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked = ["recipe", "unifork", "--preset", "published", "--runs", str(tmp_path)]
    assert main(asked) == FAILED
    assert "--preset published must go with --plan, got a run" in capsys.readouterr().err
    assert main(["recipe", "nobody"]) == FAILED
    assert "recipe must be one of" in capsys.readouterr().err
    assert main([*asked, "--plan", "--devices", "8xabacus"]) == FAILED
    assert "--devices must read like 8xh100" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_recipe_runs_on_the_machines_that_are_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given: list[Machines] = []

    def run(self: Ablation, jobs: int, track: bool = True, machines: Any = None) -> int:
        given.append(machines)
        return 0

    monkeypatch.setattr(Ablation, "run", run)
    asked = ["recipe", "unifork", "--runs", str(tmp_path)]
    assert main([*asked, "--executor", "local", "--tracking", "none"]) == 0
    assert isinstance(given[0].executor, LocalExecutor)
    assert not given[0].track
    assert main([*asked, "--executor", "slurm"]) == FAILED
    assert "--tracking must name an MLflow server, or none" in capsys.readouterr().err
    assert len(given) == 1


@pytest.mark.slow
def test_a_plan_prints_rates_and_differences_and_what_a_fleet_would_take(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked = ["recipe", "unifork", "--plan", "--runs", str(tmp_path), "--devices", "2xh100"]
    assert main(asked) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "generate:* at 0.0006" in shown  # 3e-5, 20 times
    assert "published batch: 384" in shown
    assert "20 of 0 to understand and 16 to generate" in shown
    training = shown[shown.index("Training on 2 x h100") :]
    assert all(stage in training for stage in STAGES["unifork"].split())
