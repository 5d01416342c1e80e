"""Which unit starts when, and what becomes of those that need a failed one; nothing is trained."""

from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.executors.interface import Job, UnitTask
from experiments.executors.units import failure_path
from experiments.running.ablate import Ablation
from experiments.running.scheduler import Scheduler, Unit
from experiments.store.markers import write_json

Make = Callable[..., Ablation]


class Pretended:
    """An executor whose units leave empty folders, or fail, at the second look at them."""

    poll_seconds = 0.0

    def __init__(self, run: Ablation, failing: str = "") -> None:
        self.run, self.failing = run, failing
        self.running: list[str] = []
        self.most = 0
        self.started: list[str] = []

    def start(self, task: UnitTask) -> Job:
        assert all(map(self.run.store.exists, self.run.plan.outside(task.unit))), task.unit
        self.started.append(task.unit)
        self.running.append(task.unit)
        self.most = max(self.most, len(self.running))
        return PretendedJob(self, task.unit)


class PretendedJob:
    def __init__(self, executor: Pretended, unit: str) -> None:
        self.executor, self.unit, self.looks = executor, unit, 0

    def poll(self) -> str | None:
        self.looks += 1
        if self.looks < 2:
            return None
        self.executor.running.remove(self.unit)
        if self.unit == self.executor.failing:
            return "the process ended with exit status 1"
        for folder in self.executor.run.plan.units[self.unit]:
            self.executor.run.store.path(folder).mkdir(parents=True, exist_ok=True)
        return ""

    def stop(self) -> None: ...

    def wait(self) -> None: ...


def scheduled(run: Ablation, executor: Pretended, jobs: int = 2) -> dict[str, Unit]:
    return Scheduler(run.plan, run.plan_path, run.store, jobs, executor).run()


@pytest.mark.parametrize("jobs", [1, 2])
def test_as_many_units_run_as_there_are_processes_and_each_once_after_its_inputs(
    ablation: Make, jobs: int
) -> None:
    run = ablation(seeds=(0, 1))
    begun = run.plan.units["artifacts"][0]
    run.store.path(begun).mkdir(parents=True)  # a unit of which a part is finished is not
    executor = Pretended(run)
    units = scheduled(run, executor, jobs)
    assert {unit.state for unit in units.values()} == {"done"}
    assert executor.most == jobs
    assert sorted(executor.started) == sorted(run.plan.units)


def test_what_needs_a_failed_unit_is_blocked_at_any_distance_and_all_else_ends(
    ablation: Make, suites: Path
) -> None:
    (suites / "suites/toy/third.yaml").write_text(
        "arm: {needs: {language_model: frozen}}\nmodel: {name: fork, fork_at: 3}"
    )
    run = ablation()
    units = scheduled(run, Pretended(run, failing="reader, seed 0"))
    ended = {name: unit.state for name, unit in units.items()}
    assert ended.pop("reader, seed 0") == "failed"
    assert (ended.pop("frozen, seed 0"), ended.pop("third, seed 0")) == ("blocked", "blocked")
    assert set(ended.values()) == {"done"}
    assert units["third, seed 0"].message == "needs train of frozen, seed 0, which failed"


def test_a_failure_is_not_told_by_the_record_of_an_earlier_run(ablation: Make) -> None:
    run = ablation(arms=("control",))
    name = "control, seed 0"
    write_json(failure_path(run.folder, name), {"step": "train", "message": "a mishap last week"})
    message = scheduled(run, Pretended(run, failing=name))[name].message
    assert message.startswith("the process ended with exit status 1; see ")
