"""Chooses the world and the base from `shared` and the two controls alone: `make calibrate`.

No other arm is looked at, and the seed is one that no suite reports. For each setting of the sweep
it trains the three arms and reports scores on seen wordings and unseen pairs, the conflict index
(control minus shared, per task, at equal sequences of that task) and the bits of an image that its
full caption leaves open. Which setting to freeze is a person's decision; docs/calibration.md says
which was taken and why.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from rich.console import Console

from datamodules.world import World
from experiments import devices
from experiments.evidence.collect import Gathered, gather
from experiments.options import jobs_option, runs_option
from experiments.planning.plan import Request, cell_config, check_counts
from experiments.planning.planner import Project
from experiments.reporting.markdown import markdown_table
from experiments.running.ablate import Ablation
from experiments.store.markers import write_text

ARMS = ("shared", "understand_only", "generate_only")
SEED = 1000
"""Reported in no suite."""
SCENES = 500
SWEEP: dict[str, tuple[str, ...]] = {
    "base": (),
    "narrower": ("model.trunk.width=96", "model.trunk.heads=3", "model.trunk.kv_heads=3"),
    "wider": ("model.trunk.width=160", "model.trunk.heads=5", "model.trunk.kv_heads=5"),
    "shallower": ("model.trunk.depth=4",),
    "deeper": ("model.trunk.depth=8",),
    "24 classes, 10 colours": ("world.classes=24", "world.colours=10"),
    "detail 0": ("world.detail=0",),
    "detail 2": ("world.detail=2",),
    "half the steps": ("train.steps=750",),
    "Muon twice as fast": ("train.muon_learning_rate=0.02",),
    "Muon twice as fast in stage 0": ("stage0.muon_learning_rate=0.02",),
    "AdamW twice as fast": ("train.learning_rate=4e-3",),
    "tasks weigh alike": ("train.understand_weight=1.0",),
}
"""One field at a time around the preset."""
SCORES = {
    "understand": ("vqa.overall.seen", "vqa.overall.unseen"),
    "generate": ("geneval.overall.seen", "geneval.overall.unseen"),
}
CONTROL = {"understand": "understand_only", "generate": "generate_only"}


@dataclass(frozen=True)
class Outcome:
    """One setting: `scores` by arm and metric, conflict index by metric, open bits."""

    name: str
    scores: dict[tuple[str, str], float]
    bits: float

    def conflict(self, task: str, metric: str) -> float | None:
        alone, both = (self.scores.get((arm, metric)) for arm in (CONTROL[task], "shared"))
        return None if alone is None or both is None else alone - both

    def row(self) -> list[str]:
        cells = [self.name]
        for task, metrics in SCORES.items():
            for metric in metrics:
                cells += [number(self.scores.get(("shared", metric)))]
                cells += [number(self.conflict(task, metric), signed=True)]
        return [*cells, f"{self.bits:.1f}"]


def number(value: float | None, signed: bool = False) -> str:
    if value is None:
        return ""
    return f"{value:+.3f}" if signed else f"{value:.3f}"


def outcome(name: str, found: Gathered) -> Outcome:
    scores = {
        (arm, metric): row.value
        for arm in ARMS
        for metrics in SCORES.values()
        for metric in metrics
        if (row := found.value(arm, SEED, metric))
    }
    step = found.plan.steps[found.plan.cells[0].steps["tokenizer"]]
    world = World(cell_config(found.plan, step).world)
    bits = fmean(world.open_bits(world.scene("calibration", index)) for index in range(SCENES))
    return Outcome(name, scores, bits)


def table(outcomes: Sequence[Outcome]) -> str:
    """Markdown: a row a setting; each score of `shared` with the conflict index beside it."""
    heads = ["setting"]
    for metrics in SCORES.values():
        for metric in metrics:
            heads += [f"{metric}, shared", "conflict"]
    heads.append("open bits")
    return markdown_table(heads, (one.row() for one in outcomes))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m experiments calibrate")
    parser.add_argument("--preset", default="cpu")
    parser.add_argument("--only", default="", help=f"comma-separated, of: {', '.join(SWEEP)}")
    jobs_option(parser)
    runs_option(parser, "runs/calibration")
    options = parser.parse_args(arguments)
    chosen = [one for one in options.only.split(",") if one] or list(SWEEP)
    if unknown := [one for one in chosen if one not in SWEEP]:
        parser.error(f"--only must name settings of {', '.join(SWEEP)}, got {unknown[0]!r}.")
    check_counts(jobs=options.jobs)
    console, outcomes = Console(), []
    for name in chosen:
        request = Request(
            "architectures",
            options.preset,
            (SEED,),
            ARMS,
            SWEEP[name],
            device=devices.chosen("auto"),
        )
        ablation = Ablation(Project(), request, options.runs, console)
        if failed := ablation.run(options.jobs, track=False):
            return failed
        outcomes.append(outcome(name, gather(ablation.plan, ablation.store)))
        write_text(options.runs / "calibration.md", table(outcomes))
    console.print(table(outcomes), highlight=False, soft_wrap=True)
    console.print(str(options.runs / "calibration.md"), highlight=False)
    return 0
