"""Runs a suite end to end: plan, train, score, track, leaderboard, report.

    runs/steps/              every step, shared by all suites
    runs/<suite>-<preset>/   this ablation's logs, leaderboard and report
    runs/mlflow.db           what MLflow shows of it

Finished steps are skipped, decided from files alone: when nothing has changed, this imports neither
torch nor MLflow.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console

from experiments.config import digest
from experiments.evidence.claims_record import hold_to_claims
from experiments.evidence.collect import (
    OUTPUTS,
    PROTOCOLS,
    RUN_IDS,
    Gathered,
    gather,
    unfinished,
)
from experiments.evidence.scores import Standing
from experiments.executors.choice import Machines
from experiments.executors.local import LocalExecutor
from experiments.planning.estimate import record_timings
from experiments.planning.finished_runs import FINISHED
from experiments.planning.plan import Request
from experiments.planning.planner import Project, load_plan
from experiments.planning.sources import ROOT
from experiments.reporting.claims_table import CLAIMS, claims_csv
from experiments.reporting.leaderboard import write_leaderboard
from experiments.reporting.report import write_report
from experiments.reporting.terminal import print_tables
from experiments.running.progress import Display, print_plan
from experiments.running.scheduler import Scheduler, Unit
from experiments.store.markers import write_json, write_text
from experiments.store.steps import StepError, Store, explained_disk_errors

INTERRUPTED = 130


class Ablation:
    """One suite with one preset under one `runs` folder."""

    def __init__(self, project: Project, request: Request, runs: Path, console: Console) -> None:
        self.runs, self.console = runs.resolve(), console
        self.store = Store(self.runs)
        with explained_disk_errors(self.runs):
            self.plan, self.plan_path = load_plan(project, request, self.runs)
        self.folder = self.runs / request.run

    def run(self, jobs: int, track: bool = True, machines: Machines | None = None) -> int:
        """Does what is left; 0 if every cell finished, 1 if one failed, 130 if interrupted.

        Without `machines` the processes run on this one, tracked by MLflow if `track`.
        """
        machines = machines or Machines(LocalExecutor(), track)
        with explained_disk_errors(self.runs), exclusive(self.folder):
            self.store.sweep(list(self.plan.steps))
            hold_to_claims(self.plan, self.store)
            print_plan(self.console, self.plan, self.store, jobs)
            try:
                units = {} if self.up_to_date() else self.run_units(jobs, machines)
            except KeyboardInterrupt:
                self.console.print("Interrupted. Finished steps are kept; run it again to go on.")
                return INTERRUPTED
        self.print_results()
        return int(any(unit.state != "done" for unit in units.values()))

    def run_units(self, jobs: int, machines: Machines) -> Mapping[str, Unit]:
        ids = self.folder / RUN_IDS
        tracker = (
            Tracker(self.plan_path, self.runs, ids, machines.server) if machines.track else None
        )
        try:
            with Display(self.console, self.plan, self.store, jobs) as display:
                executor = machines.executor
                scheduler = Scheduler(self.plan, self.plan_path, self.store, jobs, executor)
                display.units = scheduler.units
                scheduler.tick = display.tick
                scheduler.changed = lambda unit: self.refresh(unit, display)
                units = scheduler.run()
            if tracker is not None:
                tracker.wait_for_ids()
            self.write_outputs(units)
            if tracker is not None:
                tracker.finish()
            return units
        finally:
            if tracker is not None:
                tracker.stop()

    def refresh(self, unit: Unit, display: Display) -> None:
        """Shows that a unit has ended and brings timings and leaderboard up to date."""
        if unit.job is not None:
            record_timings(self.plan, self.store)
        display.ended(unit)
        if unit.job is not None:
            self.write_tables(gather(self.plan, self.store, problems(display.units)))

    def write_tables(self, found: Gathered) -> list[Standing]:
        """The leaderboard of what is finished. The folder is no finished run until `outputs.json`
        is written again: a plan that it named before would vouch for tables of another."""
        (self.folder / FINISHED).unlink(missing_ok=True)
        return write_leaderboard(found, self.folder)

    def write_outputs(self, units: Mapping[str, Unit]) -> None:
        hold_to_claims(self.plan, self.store)
        found = gather(
            self.plan, self.store, {**unfinished(self.plan, self.store), **problems(units)}
        )
        rows = self.write_tables(found)
        write_text(self.folder / CLAIMS, claims_csv(found, self.store))
        write_report(found, self.store, rows, self.folder / "report.html")
        if not found.problems:
            write_json(self.folder / FINISHED, self.outputs())

    def outputs(self) -> dict[str, str]:
        """The plan that the outputs were made from; they are current as long as it is."""
        return {"plan": self.plan_path.name, "steps": digest(sorted(self.plan.steps))}

    def up_to_date(self) -> bool:
        if not all(self.store.exists(folder) for folder in self.plan.steps):
            return False
        try:
            written = json.loads((self.folder / FINISHED).read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return False
        tables = (*OUTPUTS, PROTOCOLS, CLAIMS)
        return written == self.outputs() and all((self.folder / one).exists() for one in tables)

    def print_results(self) -> None:
        print_tables(self.console, self.folder)
        for name in ("leaderboard.csv", "leaderboard_long.csv", "report.html"):
            self.console.print(str(self.folder / name), highlight=False, soft_wrap=True)


def problems(units: Mapping[str, Unit]) -> dict[str, str]:
    return {
        unit.name: unit.message for unit in units.values() if unit.state in ("failed", "blocked")
    }


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Holds an ablation's folder; raises StepError that names the holder if it is taken."""
    folder.mkdir(parents=True, exist_ok=True)
    holder = folder / "process"
    try:
        with FileLock(folder / "lock", timeout=0):
            holder.write_text(f"{os.getpid()} on {socket.gethostname()}")
            yield
    except Timeout:
        process = holder.read_text() if holder.exists() else "unknown"
        raise StepError(
            f"{folder} must be free, got an ablation at work in it (process {process}). "
            "Wait for it, stop it, or give another folder with --runs."
        ) from None


class Tracker:
    """The process that mirrors the cells into MLflow while they run: on `server`, or in a file."""

    def __init__(self, plan_path: Path, runs: Path, ids: Path, server: str = "") -> None:
        self.ids = ids
        ids.unlink(missing_ok=True)
        command = [sys.executable, "-m", "experiments", "mirror", str(plan_path), str(runs)]
        command += ["--server", server] if server else []
        self.log = runs / "mlflow.log"
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def wait_for_ids(self) -> None:
        """Returns once the runs have ids, which the long leaderboard shows."""
        while not self.ids.exists() and self.process.poll() is None:
            time.sleep(0.2)

    def finish(self) -> None:
        """Lets the mirror catch up and end; raises StepError if it failed."""
        self.process.communicate()
        if self.process.returncode:
            code = self.process.returncode
            raise StepError(f"tracking must end with status 0, got {code}; see {self.log}.")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()
