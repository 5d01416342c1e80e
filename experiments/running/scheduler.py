"""Runs the units of a plan in parallel processes, each as soon as its inputs exist.

Where a process runs is the executor's affair; that its steps are finished is seen in the `runs`
folder.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from experiments.executors.interface import SECONDS_TO_APPEAR, Executor, Job, UnitTask
from experiments.executors.units import failure_path, slug
from experiments.planning.estimate import Estimate
from experiments.planning.plan import Plan
from experiments.planning.timetable import Timetable
from experiments.store.steps import Store


@dataclass
class Unit:
    """One unit's state: waiting, running, done, failed or blocked (by a failed one)."""

    name: str
    state: str = "waiting"
    message: str = ""
    job: Job | None = None
    started: float = field(default_factory=time.monotonic)
    ended: float | None = None


class Scheduler:
    """Up to `jobs` units at a time; `changed` is called with a unit that ends, `tick` often."""

    def __init__(
        self, plan: Plan, plan_path: Path, store: Store, jobs: int, executor: Executor
    ) -> None:
        self.plan, self.plan_path, self.store = plan, plan_path, store
        self.jobs, self.executor = jobs, executor
        self.changed: Callable[[Unit], None] = lambda unit: None
        self.tick: Callable[[], None] = lambda: None
        self.folder = store.runs / plan.request.run
        order = Timetable(plan, Estimate(plan, store), jobs).order
        self.units = {name: Unit(name) for name in order}

    def run(self) -> dict[str, Unit]:
        """Runs until every unit is done, failed or blocked; Ctrl-C stops the processes first."""
        try:
            while any(unit.state in ("waiting", "running") for unit in self.units.values()):
                self.step()
                self.tick()
                time.sleep(self.executor.poll_seconds if self.running() else 0)
        finally:
            self.stop_children()
        return self.units

    def step(self) -> None:
        for unit in self.running():
            self.collect(unit)
        for unit in self.units.values():
            if unit.state == "waiting":
                self.consider(unit)

    def running(self) -> list[Unit]:
        return [unit for unit in self.units.values() if unit.state == "running"]

    def consider(self, unit: Unit) -> None:
        if all(self.store.exists(folder) for folder in self.plan.units[unit.name]):
            self.end(unit, "done")
            return
        missing = [one for one in self.plan.outside(unit.name) if not self.store.exists(one)]
        for folder in missing:
            maker = self.maker(folder)
            if maker.state in ("failed", "blocked"):
                step = self.plan.steps[folder].name
                self.end(unit, "blocked", f"needs {step} of {maker.name}, which failed")
                return
        if not missing and len(self.running()) < self.jobs:
            self.launch(unit)

    def maker(self, folder: str) -> Unit:
        return next(
            self.units[name] for name, folders in self.plan.units.items() if folder in folders
        )

    def launch(self, unit: Unit) -> None:
        failure_path(self.folder, unit.name).unlink(missing_ok=True)
        task = UnitTask(
            plan=self.plan_path,
            unit=unit.name,
            runs=self.store.runs,
            log=self.log_path(unit),
            threads=self.plan.request.threads,
            device=self.plan.request.device,
            devices=self.plan.devices(unit.name),
        )
        unit.job = self.executor.start(task)
        unit.state, unit.started = "running", time.monotonic()

    def log_path(self, unit: Unit) -> Path:
        return self.folder / "logs" / f"{slug(unit.name)}.log"

    def collect(self, unit: Unit) -> None:
        assert unit.job is not None
        how = unit.job.poll()
        if how is None:
            return
        if how:
            self.end(unit, "failed", self.reason(unit, how))
        elif all(self.store.exists(folder) for folder in self.plan.units[unit.name]):
            self.end(unit, "done")
        else:
            unit.ended = unit.ended or time.monotonic()
            if time.monotonic() - unit.ended > SECONDS_TO_APPEAR:
                where = f"{self.store.runs} must be seen by every machine"
                self.end(unit, "failed", f"{where}, got none of what the unit wrote")

    def reason(self, unit: Unit, how: str) -> str:
        """What went wrong in one sentence, from the unit's own record where it left one."""
        try:
            record = json.loads(failure_path(self.folder, unit.name).read_text())
            return f"{record['step']}: {record['message']}"
        except (FileNotFoundError, json.JSONDecodeError):
            return f"{how}; see {self.log_path(unit)}"

    def end(self, unit: Unit, state: str, message: str = "") -> None:
        unit.state, unit.message = state, message
        self.changed(unit)

    def stop_children(self) -> None:
        """Ends what still runs when the runner leaves, however it leaves."""
        jobs = [unit.job for unit in self.running() if unit.job is not None]
        for job in jobs:
            job.stop()
        for job in jobs:
            job.wait()
