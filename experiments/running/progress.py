"""Shows an ablation at work: cell, step, losses, throughput, time left."""

import time

from rich.console import Console
from rich.live import Live
from rich.table import Table

from experiments.planning.estimate import Estimate
from experiments.planning.plan import Plan
from experiments.planning.timetable import Timetable
from experiments.running.scheduler import Unit
from experiments.store.progress_file import read_progress
from experiments.store.steps import Store

SECONDS_BETWEEN_LINES = 60.0


def duration(seconds: float) -> str:
    """`75` as `1:15`, `3675` as `1:01:15`."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def size(count: float) -> str:
    """Bytes as a number with a binary unit."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def print_plan(console: Console, plan: Plan, store: Store, jobs: int) -> None:
    """The cells, with what is done, and the minutes and disk that the rest will take."""
    estimate = Estimate(plan, store)
    table = Table(title=f"Suite {plan.request.suite}, preset {plan.request.preset}")
    for column in ("unit", "steps to do", "expected"):
        table.add_column(column)
    for unit, folders in plan.units.items():
        missing = [plan.steps[one].name for one in folders if one in estimate.missing]
        shown = f"{len(missing)} of {len(folders)}" if missing else "done"
        table.add_row(unit, shown, duration(estimate.unit_seconds(unit)) if missing else "")
    console.print(table)
    if estimate.missing:
        minutes = Timetable(plan, estimate, jobs).seconds / 60
        known, unknown = estimate.disk_bytes()
        disk = size(known) if known or not unknown else "unknown until the first run"
        disk = f"at least {disk}" if known and unknown else disk
        whose = "" if estimate.timings else " on the machine of the preset's timings"
        many, each = "es" if jobs > 1 else "", f"{plan.request.threads} thread(s)"
        console.print(
            f"About {minutes:.0f} min{whose}, with {jobs} process{many} of {each}, models on "
            f"{plan.request.device}; disk: {disk}."
        )


class Display:
    """A live table on a terminal, a line a minute elsewhere."""

    def __init__(self, console: Console, plan: Plan, store: Store, jobs: int) -> None:
        self.console, self.plan, self.store, self.jobs = console, plan, store, jobs
        self.spoke = time.monotonic()
        self.units: dict[str, Unit] = {}
        self.expect()
        self.live = Live(console=console, refresh_per_second=2) if console.is_terminal else None

    def __enter__(self) -> "Display":
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.update(self.table())
            self.live.stop()

    def expect(self) -> None:
        """Looks again at how long the rest will take, by the timings that there are now."""
        estimate, self.asked = Estimate(self.plan, self.store), time.monotonic()
        self.expected = Timetable(self.plan, estimate, self.jobs).seconds

    def ended(self, unit: Unit) -> None:
        if unit.job is not None:
            self.expect()
        if unit.job is not None or unit.message:
            took = duration(time.monotonic() - unit.started)
            message = f": {unit.message}" if unit.message else ""
            self.console.print(f"{unit.name} {unit.state} ({took}){message}", highlight=False)

    def tick(self) -> None:
        if self.live:
            self.live.update(self.table())
        elif time.monotonic() - self.spoke > SECONDS_BETWEEN_LINES:
            self.spoke = time.monotonic()
            for unit in self.running():
                self.console.print("  ".join(self.row(unit)), highlight=False)

    def running(self) -> list[Unit]:
        return [unit for unit in self.units.values() if unit.state == "running"]

    def table(self) -> Table:
        left = max(0.0, self.expected - (time.monotonic() - self.asked))
        done = sum(self.store.exists(one) for one in self.plan.steps)
        caption = f"{done} of {len(self.plan.steps)} steps, about {duration(left)} left"
        table = Table(caption=caption)
        for column in ("cell", "step", "progress", "losses", "tokens/s", "left"):
            table.add_column(column)
        for unit in self.running():
            table.add_row(*self.row(unit))
        return table

    def row(self, unit: Unit) -> tuple[str, ...]:
        folders = self.plan.units[unit.name]
        folder = next((one for one in folders if not self.store.exists(one)), folders[-1])
        progress = read_progress(self.store.partial(folder))
        losses = " ".join(
            f"{name} {value:.3f}" for name, value in progress.get("losses", {}).items()
        )
        speed = progress.get("tokens_per_second")
        left = progress.get("seconds_left")
        return (
            unit.name,
            self.plan.steps[folder].name,
            f"{progress['step']}/{progress['steps']}" if "steps" in progress else "",
            losses,
            f"{speed:.0f}" if speed is not None else "",
            duration(left) if left is not None else "",
        )
