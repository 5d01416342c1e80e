"""How far every arm's interaction curves lie from those of the models of one task, seed by seed.

It needs several cells, so that no step of one cell writes it: the command and the export do.
"""

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.probes.interaction import control_distances
from benchmarks.probes.protocol import TASKS, Task
from benchmarks.probes.tables import Row, cell, read_table
from experiments.planning.plan import Plan
from experiments.store.steps import Store

DISTANCES = "interaction_distances"
STEP, CURVES = "probe_interaction", "interaction.csv"


def controls(plan: Plan, seed: int) -> dict[Task, str]:
    """The arm of the seed that trains one task alone and inherits none, by task; of several the one
    that is named after the task, such as `understand_only`."""
    alone = [one for one in plan.cells if one.seed == seed and not one.inherits]
    named_last = sorted(alone, key=lambda one: one.arm in [f"{task}_only" for task in one.tasks])
    return {task: one.arm for task in TASKS for one in named_last if one.tasks == (task,)}


def interaction_distances(plan: Plan, seed: int, curves: Mapping[str, Sequence[Row]]) -> list[Row]:
    """The rows of DISTANCES for a seed's tables `interaction`, by arm."""
    return control_distances(curves, controls(plan, seed))


def finished_distances(plan: Plan, store: Store) -> Iterator[dict[str, str]]:
    """The rows of DISTANCES over the finished probes, as text, each with its seed."""
    for seed in dict.fromkeys(one.seed for one in plan.cells):
        folders = {one.arm: one.steps.get(STEP) for one in plan.cells if one.seed == seed}
        curves = {
            arm: read_table(store.path(folder) / CURVES)
            for arm, folder in folders.items()
            if folder and store.exists(folder)
        }
        for row in interaction_distances(plan, seed, curves):
            yield {"seed": str(seed), **{key: cell(value) for key, value in row.items()}}
