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
PAIRS = {
    "tasks": ((1, 1, 0, 0), (0, 0, 1, 1)),
    "random_split": ((1, 0, 1, 0), (0, 1, 0, 1)),
    "understand": ((1, 0, 0, 0), (0, 1, 0, 0)),
    "generate": ((0, 0, 1, 0), (0, 0, 0, 1)),
}
"""Which of the four gradients each side of a pair adds up."""
WITHOUT_NOISE = "without_noise"
Place = tuple[int | str, str]
"""Layer and projection, either of which may be WHOLE."""
Named = Mapping[str, Gradient]
Halves = Mapping[Task, tuple[Named, Named]]
"""The gradients of two batches of each task."""
NOTHING_IN_COMMON = "no cosine without noise where two batches of a task have nothing in common"
NOTHING = 1e-12
"""What rounding may leave of a sum's squared length, as a share of its parts'."""


def cosine(gram: np.ndarray, first: np.ndarray, second: np.ndarray) -> float | None:
    """Return the cosine of two sums of gradients, whose products with one another are `gram`; None
    where one sum is zero. `first` and `second` are 1 for the gradients that a sum is of, else 0.
    """
    lengths = np.array([side @ gram @ side for side in (first, second)])
    parts = np.array([side @ gram.diagonal() for side in (first, second)])
    if (lengths <= NOTHING * parts).any():
        return None
    return float(first @ gram @ second / lengths.prod() ** 0.5)


def places(gradient: Gradient) -> Iterable[Place]:
    """Yield the groups that a matrix is part of."""
    for layer in (gradient.layer, WHOLE):
        for projection in (gradient.projection, WHOLE):
            yield layer, projection


def by_group(halves: Halves) -> dict[Place, np.ndarray]:
    """Return the products [4, 4] of the four gradients with one another in every group, over the
    matrices that both tasks reach: two batches of understanding, two of generation.
    """
    four = [half for task in TASKS for half in halves[task]]
    found: dict[Place, np.ndarray] = {}
    for name in sorted(set.intersection(*map(reached, four))):
        slopes = np.stack([one[name].slope for one in four]).astype(np.float64)
        gram = slopes @ slopes.T
        for place in places(four[0][name]):
            found[place] = found.get(place, 0) + gram
    return found


def cosines(gram: np.ndarray) -> dict[str, float]:
    """Return the cosine of every pair that has one."""
    found = {pair: cosine(gram, *np.array(sides)) for pair, sides in PAIRS.items()}
    return {pair: value for pair, value in found.items() if value is not None}


def products(gram: np.ndarray) -> np.ndarray:
    """Return the tasks' product, and the square of each task's length, none with noise in it."""
    return np.array([gram[:2, 2:].sum() / 4, gram[0, 1], gram[2, 3]])


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

    A layer that the tasks do not share has a row that says so, and so has a place where two batches
    of a task show nothing but noise.
    """
    drawn: dict[tuple[Place, str], list[float]] = {}
    pure: dict[Place, list[np.ndarray]] = {}
    apart: list[Row] = []
    for draw in range(DRAWS):
        try:
            halves: Halves = {task: _halves(model, task, draw) for task in TASKS}
        except NotApplicableError as error:
            return {"gradients": [{NOTE: str(error)}]}
        for place, gram in by_group(halves).items():
            pure.setdefault(place, []).append(products(gram))
            for pair, value in cosines(gram).items():
                drawn.setdefault((place, pair), []).append(value)
        apart = _apart_rows(halves)
    rows = [
        _row(place, pair, *_mean(values), len(values)) for (place, pair), values in drawn.items()
    ]
    for place, some in pure.items():
        found = without_noise(some)
        row = _row(place, WITHOUT_NOISE, *(found or (None, None)), len(some))
        rows.append(row if found else {**row, NOTE: NOTHING_IN_COMMON})
    return {"gradients": [*rows, *apart]}


def _halves(model: Inspectable, task: Task, draw: int) -> tuple[Named, Named]:
    return model.gradients(task, 2 * draw), model.gradients(task, 2 * draw + 1)


def _mean(values: list[float]) -> tuple[float, float | None]:
    """Return the mean and its standard error."""
    error = float(np.std(values, ddof=1) / len(values) ** 0.5) if len(values) > 1 else None
    return float(np.mean(values)), error


def _row(place: Place, pair: str, value: float | None, error: float | None, draws: int) -> Row:
    about = {"layer": place[0], "projection": place[1], "pair": pair}
    return {**about, "cosine": value, "stderr": error, "draws": draws}


def _apart_rows(halves: Halves) -> list[Row]:
    first, second = (halves[task][0] for task in TASKS)
    layers = {gradient.layer for gradient in first.values()}
    shared = {first[name].layer for name in reached(first) & reached(second)}
    apart = sorted(layers - shared)
    note = f"the tasks share no matrix of layer {', '.join(map(str, apart))}"
    return [{"layer": layer, NOTE: note} for layer in apart]
