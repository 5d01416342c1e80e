"""Whether the tasks pull shared weights in opposite directions, by layer and kind of matrix.

The cosine of the tasks' gradients is negative where they oppose each other (Yu et al. 2020, arXiv
2001.06782). Noise draws it to zero: the gradients of two small batches of one task are far from
parallel too. So it is also given as it would be of gradients without noise: the tasks' product over
the lengths that two batches of a task have in common.

    tasks          (understand 1 + understand 2) against (generate 1 + generate 2)
    without_noise  their product / 4 over the root of (understand 1 · 2) (generate 1 · 2)
    understand     understand 1 against understand 2, and likewise `generate`
    random_split   (understand 1 + generate 1)   against (understand 2 + generate 2)

A matrix that a task does not reach, such as a branch or the other group's expert, is not shared.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from benchmarks.probes.protocol import TASKS, Gradient, Inspectable, NotApplicableError, Task
from benchmarks.probes.tables import NOTE, Row

DRAWS = 8
"""How often the cosines are taken, each time of four new batches."""
WHOLE = "all"
"""Stands for every layer or every projection."""
PAIRS = ("tasks", "random_split", "understand", "generate")
WITHOUT_NOISE = "without_noise"
Place = tuple[int | str, str]
"""Layer and projection, either of which may be WHOLE."""
Named = Mapping[str, Gradient]
Halves = Mapping[Task, tuple[Named, Named]]
"""The gradients of two batches of each task."""
Four = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""A group's gradients of two batches of understanding and of two of generation."""


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


def by_group(halves: Halves) -> dict[Place, Four]:
    """Return the four gradients of every group, of the matrices that both tasks reach."""
    four = [half for task in TASKS for half in halves[task]]
    names = set.intersection(*map(reached, four))
    u1, u2, g1, g2 = (joined(one, names) for one in four)
    return {place: (u1[place], u2[place], g1[place], g2[place]) for place in u1}


def cosines(four: Four) -> dict[str, float]:
    """Return the cosine of every pair that has one."""
    u1, u2, g1, g2 = four
    sides = ((u1 + u2, g1 + g2), (u1 + g1, u2 + g2), (u1, u2), (g1, g2))
    found = {pair: cosine(*both) for pair, both in zip(PAIRS, sides, strict=True)}
    return {pair: value for pair, value in found.items() if value is not None}


def products(four: Four) -> np.ndarray:
    """Return the tasks' product, and the square of each task's length, none with noise in it."""
    u1, u2, g1, g2 = four
    return np.array([(u1 + u2) @ (g1 + g2) / 4, u1 @ u2, g1 @ g2])


def without_noise(drawn: Sequence[np.ndarray]) -> tuple[float, float | None] | None:
    """Return the cosine of the mean products, and its standard error by leaving out each draw.

    None where two batches of a task have nothing in common.
    """
    total = np.sum(drawn, axis=0)
    whole, parts = _quotient(total), [_quotient(total - one) for one in drawn]
    if whole is None:
        return None
    left = [part for part in parts if part is not None]
    error = float(np.std(left) * (len(left) - 1) ** 0.5) if left == parts else None
    return whole, error


def _quotient(product: np.ndarray) -> float | None:
    tasks, understand, generate = product
    if min(understand, generate) <= 0:
        return None
    return float(tasks / (understand * generate) ** 0.5)


def reached(found: Named) -> set[str]:
    """Return the matrices in which a gradient is not zero."""
    return {name for name, gradient in found.items() if gradient.slope.any()}


def gradients(model: Inspectable) -> dict[str, list[Row]]:
    """Return the table `gradients`: mean cosine over the draws with its standard error.

    A layer that the tasks do not share has a row that says so.
    """
    drawn: dict[tuple[Place, str], list[float]] = {}
    pure: dict[Place, list[np.ndarray]] = {}
    apart: list[Row] = []
    for draw in range(DRAWS):
        try:
            halves: Halves = {task: _halves(model, task, draw) for task in TASKS}
        except NotApplicableError as error:
            return {"gradients": [{NOTE: str(error)}]}
        for place, four in by_group(halves).items():
            pure.setdefault(place, []).append(products(four))
            for pair, value in cosines(four).items():
                drawn.setdefault((place, pair), []).append(value)
        apart = _apart_rows(halves)
    rows = [
        _row(place, pair, *_mean(values), len(values)) for (place, pair), values in drawn.items()
    ]
    for place, some in pure.items():
        if (found := without_noise(some)) is not None:
            rows.append(_row(place, WITHOUT_NOISE, *found, len(some)))
    return {"gradients": [*rows, *apart]}


def _halves(model: Inspectable, task: Task, draw: int) -> tuple[Named, Named]:
    return model.gradients(task, 2 * draw), model.gradients(task, 2 * draw + 1)


def _mean(values: list[float]) -> tuple[float, float | None]:
    """Return the mean and its standard error."""
    error = float(np.std(values, ddof=1) / len(values) ** 0.5) if len(values) > 1 else None
    return float(np.mean(values)), error


def _row(place: Place, pair: str, value: float, error: float | None, draws: int) -> Row:
    about = {"layer": place[0], "projection": place[1], "pair": pair}
    return {**about, "cosine": value, "stderr": error, "draws": draws}


def _apart_rows(halves: Halves) -> list[Row]:
    first, second = (halves[task][0] for task in TASKS)
    layers = {gradient.layer for gradient in first.values()}
    shared = {first[name].layer for name in reached(first) & reached(second)}
    return [
        {"layer": layer, NOTE: "the tasks share no matrix of this layer"}
        for layer in sorted(layers - shared)
    ]
