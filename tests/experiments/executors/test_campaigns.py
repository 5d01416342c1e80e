"""`decide` and `ladder` run their cells where `--executor` says."""

import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from experiments.__main__ import FAILED, main
from experiments.campaigns.claim_runs import claim_request, complete, split_claim
from experiments.campaigns.decide import LONGEST_HOURS, Limit, Runner
from experiments.campaigns.ladder import climb
from experiments.executors.choice import Machines
from experiments.executors.interface import Job, UnitTask
from experiments.planning.plan import Request
from experiments.planning.planner import Project
from experiments.running.ablate import Ablation
from experiments.store.steps import StepError

EVERY_CELL = "must have every cell finished"


class Broken:
    """An executor whose jobs fail at once, and the jobs themselves; `asked` has their units."""

    poll_seconds = 0.0

    def __init__(self) -> None:
        self.asked: list[str] = []

    def start(self, task: UnitTask) -> Job:
        self.asked.append(task.unit)
        return self

    def poll(self) -> str | None:
        return "no such machine"

    def stop(self) -> None: ...

    def wait(self) -> None: ...


def test_seeds_are_added_on_the_machines_that_were_asked_for(
    ablation: Callable[..., Ablation], project: Project
) -> None:
    made, broken = ablation(), Broken()
    runner = Runner(project, made.runs, made.console, 1, Machines(broken, track=False))
    with pytest.raises(StepError, match=EVERY_CELL):
        runner(Request("toy", "tiny", arms=("control",)), seconds=3600.0)
    assert broken.asked == ["artifacts", "stage 0, seed 0"]


def test_rungs_are_climbed_on_the_machines_that_were_asked_for(
    ablation: Callable[..., Ablation], project: Project, suites: Path
) -> None:
    made, broken = ablation(), Broken()
    suite, claim = split_claim("toy/fork_draws", suites)
    rung: Any = SimpleNamespace(overrides=lambda config: (), label="ladder-64-1")

    def make(asked: Request) -> Ablation:
        return Ablation(project, asked, made.runs, made.console)

    request = claim_request(suite, claim, "tiny", "ladder")
    with pytest.raises(StepError, match=f"toy-tiny-ladder-64-1 {EVERY_CELL}"):
        next(climb(request, claim, [rung], make, 1, Machines(broken, track=False)))
    assert broken.asked == ["artifacts", "stage 0, seed 0"]


class Interrupted(Broken):
    """An executor at whose first job somebody presses Ctrl-C."""

    def start(self, task: UnitTask) -> Job:
        raise KeyboardInterrupt


def test_an_interrupted_campaign_blames_no_cell(
    ablation: Callable[..., Ablation], project: Project
) -> None:
    made, machines = ablation(arms=("control",)), Machines(Interrupted(), track=False)
    with pytest.raises(KeyboardInterrupt):
        complete(made, 1, machines)
    runner = Runner(project, made.runs, made.console, 1, machines)
    with pytest.raises(KeyboardInterrupt):
        runner(Request("toy", "tiny", arms=("control",)), seconds=3600.0)


@pytest.mark.parametrize("command", ["decide", "ladder"])
def test_a_campaign_refuses_an_executor_that_it_does_not_know(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    claim = ["--claim", "conflict/conflict_in_generation", "--executor", "pbs"]
    hours = ["--max-hours", "1"] if command == "decide" else []
    assert main([command, *claim, *hours]) == FAILED
    assert "--executor must be one of local, slurm, ray, got 'pbs'" in capsys.readouterr().err


@pytest.mark.parametrize("jobs", ["0", "-1"])
@pytest.mark.parametrize("command", ["decide", "ladder", "calibrate", "recipe", "ablate"])
def test_a_command_without_a_process_to_run_is_refused_before_it_starts(
    command: str, jobs: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    claim = ["--claim", "conflict/conflict_in_generation"]
    needed = {"decide": [*claim, "--max-hours", "1"], "ladder": claim, "recipe": ["unifork"]}
    place = ["--runs", str(tmp_path / "runs")]
    assert main([command, *needed.get(command, []), "--jobs", jobs, *place]) == FAILED
    assert f"--jobs must be at least 1, got {jobs}." in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("hours", ["inf", "nan", "1e9", "0", "-1"])
def test_a_budget_of_hours_that_no_timer_holds_is_refused(
    hours: str, capsys: pytest.CaptureFixture[str]
) -> None:
    claim = ["--claim", "conflict/conflict_in_generation"]
    assert main(["decide", *claim, "--max-hours", hours]) == FAILED
    assert "--max-hours must be above 0 and at most" in capsys.readouterr().err


def test_the_longest_budget_of_hours_can_be_timed() -> None:
    with Limit(3600 * LONGEST_HOURS):
        left, _ = signal.getitimer(signal.ITIMER_REAL)
    assert left == pytest.approx(3600 * LONGEST_HOURS, rel=1e-6)
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_a_campaign_runs_on_the_device_that_was_asked_for(device: str, suites: Path) -> None:
    suite, claim = split_claim("toy/fork_draws", suites)
    assert claim_request(suite, claim, "tiny", "ladder", device=device).device == device
