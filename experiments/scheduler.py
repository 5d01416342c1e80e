"""Runs the units of a plan in parallel processes, each as soon as its inputs exist."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from experiments.cells import failure_path, slug
from experiments.devices import VISIBLE, dealt, visible
from experiments.estimate import Estimate
from experiments.plan import Plan
from experiments.sources import ROOT
from experiments.steps import Store

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
SECONDS_TO_STOP = 10.0


@dataclass
class Unit:
    """One unit's state: waiting, running, done, failed or blocked (by a failed one).

    `device` is the CUDA device that its process sees.
    """

    name: str
    state: str = "waiting"
    message: str = ""
    process: subprocess.Popen[bytes] | None = None
    device: str = ""
    started: float = field(default_factory=time.monotonic)


class Scheduler:
    """`changed` is called with a unit whenever one ends, `tick` once a second."""

    def __init__(
        self,
        plan: Plan,
        plan_path: Path,
        store: Store,
        jobs: int,
        changed: Callable[[Unit], None] = lambda unit: None,
        tick: Callable[[], None] = lambda: None,
    ) -> None:
        self.plan, self.plan_path, self.store, self.jobs = plan, plan_path, store, jobs
        self.changed, self.tick = changed, tick
        self.folder = store.runs / plan.request.run
        self.devices = visible() if plan.request.device == "cuda" else []
        estimate = Estimate(plan, store)
        order = sorted(plan.units, key=estimate.urgency, reverse=True)
        self.units = {name: Unit(name) for name in order}

    def run(self, poll_seconds: float = 0.2) -> dict[str, Unit]:
        """Runs until every unit is done, failed or blocked; Ctrl-C stops the processes first."""
        with self.stopping_children():
            while any(unit.state in ("waiting", "running") for unit in self.units.values()):
                self.step()
                self.tick()
                time.sleep(poll_seconds if self.running() else 0)
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
        log = self.log_path(unit)
        log.parent.mkdir(parents=True, exist_ok=True)
        threads = str(self.plan.request.threads)
        command = [sys.executable, "-m", "experiments", "cell", str(self.plan_path), unit.name]
        unit.device = dealt(self.devices, [one.device for one in self.running()])
        settings = {**dict.fromkeys(THREAD_VARIABLES, threads), VISIBLE: unit.device}
        with log.open("ab") as output:
            unit.process = subprocess.Popen(
                [*command, str(self.store.runs)],
                cwd=ROOT,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, **settings},
                start_new_session=True,
            )
        unit.state, unit.started = "running", time.monotonic()

    def log_path(self, unit: Unit) -> Path:
        return self.folder / "logs" / f"{slug(unit.name)}.log"

    def collect(self, unit: Unit) -> None:
        assert unit.process is not None
        code = unit.process.poll()
        if code == 0:
            self.end(unit, "done")
        elif code is not None:
            self.end(unit, "failed", self.reason(unit, code))

    def reason(self, unit: Unit, code: int) -> str:
        """What went wrong in one sentence, from the unit's own record where it left one."""
        try:
            record = json.loads(failure_path(self.folder, unit.name).read_text())
            return f"{record['step']}: {record['message']}"
        except FileNotFoundError:
            how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
            return f"the process ended with {how}; see {self.log_path(unit)}"

    def end(self, unit: Unit, state: str, message: str = "") -> None:
        unit.state, unit.message = state, message
        self.changed(unit)

    @contextmanager
    def stopping_children(self) -> Iterator[None]:
        """Ends what still runs when the runner leaves, however it leaves."""
        try:
            yield
        finally:
            processes = [unit.process for unit in self.running() if unit.process is not None]
            for process in processes:
                process.terminate()
            for process in processes:
                try:
                    process.wait(SECONDS_TO_STOP)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
