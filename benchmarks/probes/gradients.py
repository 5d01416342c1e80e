"""Whether the tasks pull shared weights in opposite directions, by layer and kind of matrix.

The cosine of the tasks' gradients is -1 where they oppose each other (Yu et al. 2020, arXiv
2001.06782). Its size means little by itself: the gradients of two small batches of one task are far
from parallel too. So the same gradients are also split at random, with both tasks in either half:
conflict is what lies below that.

    tasks          (understand 1 + understand 2) against (generate 1 + generate 2)
    random_split   (understand 1 + generate 1)   against (understand 2 + generate 2)
    excess         tasks minus random_split: below zero is conflict
    understand     understand 1 against understand 2, and likewise `generate`

A matrix that a task does not reach, such as a branch or the other group's expert, is not shared.
"""

from collections.abc import Iterable, Mapping

import numpy as np

from benchmarks.probes.protocol import TASKS, Gradient, Inspectable, NotApplicableError, Task
from benchmarks.probes.tables import NOTE, Row

DRAWS = 8
"""How often the cosines are taken, each time of four new batches."""
WHOLE = "all"
"""Stands for every layer or every projection."""
PAIRS = ("tasks", "random_split", "understand", "generate")
EXCESS = "excess"
Place = tuple[int | str, str]
"""Layer and projection, either of which may be WHOLE."""
Named = Mapping[str, Gradient]
Halves = Mapping[Task, tuple[Named, Named]]
"""The gradients of two batches of each task."""


def cosine(first: np.ndarray, second: np.ndarray) -> float | None:
    """Return the cosine of two gradients; None where one is zero."""
    size = np.linalg.norm(first) * np.linalg.norm(second)
    return float(first @ second / size) if size else None


def places(gradient: Gradient) -> Iterable[Place]:
    """Yield the groups that a matrix is part of."""
    for layer in (gradient.layer, WHOLE):
        for projection in (gradient.projection, WHOLE):
            yield layer, projection


def joined(found: Named, names: Iterable[str]) -> dict[Place, np.ndarray]:
    """Return the gradients of the matrices `names`, end to end, by group."""
    parts: dict[Place, list[np.ndarray]] = {}
    for name in sorted(names):
        for place in places(found[name]):
            parts.setdefault(place, []).append(found[name].slope.astype(np.float64))
    return {place: np.concatenate(some) for place, some in parts.items()}


def draw_cosines(halves: Halves) -> dict[tuple[Place, str], float]:
    """Return the cosine of every group and pair, of the matrices that both tasks reach."""
    four = [half for task in TASKS for half in halves[task]]
    names = set.intersection(*map(reached, four))
    slopes = [joined(one, names) for one in four]
    found = {}
    for place in slopes[0]:
        u1, u2, g1, g2 = (one[place] for one in slopes)
        sides = ((u1 + u2, g1 + g2), (u1 + g1, u2 + g2), (u1, u2), (g1, g2))
        for pair, (first, second) in zip(PAIRS, sides, strict=True):
            if (value := cosine(first, second)) is not None:
                found[place, pair] = value
        if {(place, "tasks"), (place, "random_split")} <= found.keys():
            found[place, EXCESS] = found[place, "tasks"] - found[place, "random_split"]
    return found


def reached(found: Named) -> set[str]:
    """Return the matrices in which a gradient is not zero."""
    return {name for name, gradient in found.items() if gradient.slope.any()}


def gradients(model: Inspectable) -> dict[str, list[Row]]:
    """Return the table `gradients`: mean cosine over the draws with its standard error.

    A layer that the tasks do not share has a row that says so.
    """
    drawn: dict[tuple[Place, str], list[float]] = {}
    apart: list[Row] = []
    for draw in range(DRAWS):
        try:
            halves: Halves = {task: _halves(model, task, draw) for task in TASKS}
        except NotApplicableError as error:
            return {"gradients": [{NOTE: str(error)}]}
        for key, value in draw_cosines(halves).items():
            drawn.setdefault(key, []).append(value)
        apart = _apart_rows(halves)
    rows = [_row(place, pair, values) for (place, pair), values in drawn.items()]
    return {"gradients": [*rows, *apart]}


def _halves(model: Inspectable, task: Task, draw: int) -> tuple[Named, Named]:
    return model.gradients(task, 2 * draw), model.gradients(task, 2 * draw + 1)


def _row(place: Place, pair: str, values: list[float]) -> Row:
    error = np.std(values, ddof=1) / len(values) ** 0.5 if len(values) > 1 else None
    return {
        "layer": place[0],
        "projection": place[1],
        "pair": pair,
        "cosine": np.mean(values),
        "stderr": error,
        "draws": len(values),
    }


def _apart_rows(halves: Halves) -> list[Row]:
    first, second = (halves[task][0] for task in TASKS)
    layers = {gradient.layer for gradient in first.values()}
    shared = {first[name].layer for name in reached(first) & reached(second)}
    return [
        {"layer": layer, NOTE: "the tasks share no matrix of this layer"}
        for layer in sorted(layers - shared)
    ]
