"""What an ablation will take: minutes and disk, as timed here or as the preset expects."""

import json
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean, median

from experiments.planning.plan import Cell, Plan
from experiments.store.markers import MARKER, write_json
from experiments.store.progress_file import read_progress
from experiments.store.steps import Step, Store

Timings = Mapping[str, Mapping[str, float]]
UNKNOWN_SECONDS = 20.0
TELLING_SECONDS = 10.0
"""A step that is expected to take less says nothing about a machine's pace."""


def step_labels(plan: Plan) -> dict[str, str]:
    """`"unifork/train"` for each folder; a folder that several arms share has its first arm's."""
    labels: dict[str, str] = {}
    for cell in plan.cells:
        for name, folder in cell.steps.items():
            labels.setdefault(folder, f"{cell.arm}/{name}")
    for folder, step in plan.steps.items():
        labels.setdefault(folder, step.name)
    return labels


def timings_path(plan: Plan, runs: Path) -> Path:
    return runs / plan.request.run / "timings.json"


def read_timings(plan: Plan, runs: Path) -> Timings:
    try:
        return json.loads(timings_path(plan, runs).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def record_timings(plan: Plan, store: Store) -> None:
    """Notes seconds and bytes of every finished step, by arm and step, for the next plan."""
    timings = dict(read_timings(plan, store.runs))
    for folder, label in step_labels(plan).items():
        if store.exists(folder):
            about = json.loads((store.path(folder) / MARKER).read_text())
            timings[label] = {"seconds": about["seconds"], "bytes": about["bytes"]}
    write_json(timings_path(plan, store.runs), timings)


def training_names(cell: Cell) -> list[str]:
    """Under what a preset may expect a cell's training, the closest first: its model, the one task
    that it trains, any."""
    tasks = [one for one in cell.tasks if one not in cell.inherits]
    alone = [f"train_{tasks[0]}"] if len(tasks) == 1 else []
    return [f"train_{cell.architecture}", *alone, "train"]


class Estimate:
    """Expected seconds of the steps of a plan that are not done.

    A step that was not timed here takes what the preset expects, times the `pace` of this machine:
    how many times as long as expected a step takes here. One under way, or stopped and resumable,
    takes what it says itself.
    """

    def __init__(self, plan: Plan, store: Store) -> None:
        self.plan, self.store = plan, store
        self.timings = read_timings(plan, store.runs)
        self.labels = step_labels(plan)
        self.missing = {folder for folder in plan.steps if not store.exists(folder)}
        self.trainings = {cell.steps.get("train"): training_names(cell) for cell in plan.cells}
        self.pace = self.measured_pace()

    def seconds(self, folder: str) -> float:
        step = self.plan.steps[folder]
        if step.resumable and "seconds_left" in (told := read_progress(self.store.partial(folder))):
            return told["seconds_left"]
        timed = self.timings.get(self.labels[folder]) or self.timings.get(step.name)
        return timed["seconds"] if timed else self.pace * (self.expected(step) or UNKNOWN_SECONDS)

    def measured_pace(self) -> float:
        """The median over steps: one that ran beside other work says little."""
        ratios = []
        for folder, step in self.plan.steps.items():
            timed, known = self.timings.get(self.labels[folder]), self.expected(step)
            if timed and known and known >= TELLING_SECONDS:
                ratios.append(timed["seconds"] / known)
        return median(ratios) if ratios else 1.0

    def expected(self, step: Step) -> float | None:
        """What the preset expects, of a step that it does not name what it expects of its kind; a
        shorter training, and a stage, has its part of the whole. None where it knows neither."""
        known = self.plan.expected_seconds
        if step.name == "train":
            stages = self.plan.configs[step.config]["train"].get("stages", 1)
            share = self.plan.suite.get("steps_share", 1.0) / stages
            names = self.trainings.get(step.folder, ["train"])
            return next((share * known[one] for one in names if one in known), None)
        kind, _, which = step.name.partition("_")
        alike = [one for name, one in known.items() if which and name.startswith(f"{kind}_")]
        return known.get(step.name, fmean(alike) if alike else None)

    def unit_seconds(self, unit: str) -> float:
        return sum(self.seconds(one) for one in self.plan.units[unit] if one in self.missing)

    def disk_bytes(self) -> tuple[float, int]:
        """Bytes that the missing steps of known size will take, and how many have no known size.

        A step that was never run takes what its like have taken.
        """
        timed = [
            self.timings.get(self.labels[one]) or self.timings.get(self.plan.steps[one].name)
            for one in self.missing
        ]
        known = [one["bytes"] for one in timed if one and "bytes" in one]
        return sum(known), len(timed) - len(known)
