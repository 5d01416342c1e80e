"""Where in a model pictures look alike that are described alike, by layer and task.

The mean state of a picture's tokens after each layer is compared with that of its prompt's words
after the last layer, as UniFork (arXiv 2506.17202) does, by the measures of `likeness.py`. UniFork
does not state its k.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.probes.likeness import (
    Neighbourhood,
    agreement,
    comparable,
    linear_cka,
    require_enough,
)
from benchmarks.probes.protocol import (
    TASKS,
    Inspectable,
    NotApplicableError,
    Sample,
    States,
    Task,
)
from benchmarks.probes.tables import NOTE, Row

PERMUTATIONS = 100
RESAMPLES = 1000
INTERVAL = (2.5, 97.5)
WORLD, OWN = "world", "own"
ALL, WITHIN = "all", "within_kind"
"""Neighbours among all samples, or among those of the same prompt kind."""
MUTUAL, CKA = "mutual_knn", "linear_cka"


def orders(count: int, kinds: np.ndarray | None) -> Iterator[np.ndarray]:
    """Yield PERMUTATIONS orders of the samples, each kind within its own places."""
    random = np.random.default_rng(0)
    places = np.zeros(count, int) if kinds is None else kinds
    groups = [np.flatnonzero(places == kind) for kind in np.unique(places)]
    for _ in range(PERMUTATIONS):
        order = np.arange(count)
        for group in groups:
            order[group] = random.permutation(group)
        yield order


@dataclass(frozen=True)
class Curve:
    """One measure by layer: its value, and what it is for permuted prompts (mean and 95th
    percentile).
    """

    values: np.ndarray
    permuted: np.ndarray
    permuted_high: np.ndarray


def mutual_shares(states: States, k: int, kinds: np.ndarray | None = None) -> np.ndarray:
    """Return the share of neighbours that picture and prompt have in common after each layer,
    [layers, samples].
    """
    prompts = Neighbourhood.of(states.prompt, k, kinds)
    layers = [Neighbourhood.of(layer, k, kinds) for layer in states.image]
    return np.stack([layer.shared(prompts) for layer in layers])


def mutual_curve(states: States, k: int, kinds: np.ndarray | None = None) -> Curve:
    """Return the mean over samples of `mutual_shares`, with what chance gives."""
    prompts = Neighbourhood.of(states.prompt, k, kinds)
    layers = [Neighbourhood.of(layer, k, kinds) for layer in states.image]
    renamed = (prompts.renamed(order) for order in orders(len(states.prompt), kinds))
    by_chance = [[layer.shared(one).mean() for layer in layers] for one in renamed]
    return with_chance(mutual_shares(states, k, kinds).mean(1), by_chance)


def cka_curve(states: States) -> Curve:
    """Return the linear CKA of pictures and prompts, with what chance gives."""
    prompt, layers = comparable(states.prompt), [comparable(layer) for layer in states.image]
    permuted = (prompt[order] for order in orders(len(prompt), None))
    by_chance = [[agreement(layer, one) for layer in layers] for one in permuted]
    return with_chance(np.array([agreement(layer, prompt) for layer in layers]), by_chance)


def with_chance(values: np.ndarray, by_chance: Sequence[Sequence[float]]) -> Curve:
    """Return values [layers] with mean and 95th percentile of those of the permutations."""
    return Curve(values, np.mean(by_chance, axis=0), np.percentile(by_chance, 95, axis=0))


def last_third(layers: int) -> int:
    """Return how many layers make up the last third: at least two."""
    return max(2, round(layers / 3))


def shape(values: np.ndarray) -> tuple[float, float]:
    """Return a curve's peak layer, counted from 1, and the slope of its last third.

    The slope is a least-squares line's, in alignment per whole depth; 0 for one layer.
    """
    count = last_third(len(values))
    tail = values[-count:]
    depth = np.arange(len(tail)) / len(values)
    slope = np.polyfit(depth, tail, 1)[0] if len(tail) > 1 else 0.0
    return float(values.argmax() + 1), float(slope)


def shape_row(shares: np.ndarray) -> Row:
    """Return peak layer and slope of shares [layers, samples], with the middle 95% of RESAMPLES
    draws of the samples.

    A drawn sample keeps the neighbours that it has among all: in a resample it would be its own
    copy's neighbour. That leaves out what it is as the neighbour of others, so that the interval is
    too narrow (docs/probes.md says by how much).
    """
    random = np.random.default_rng(0)
    peak, slope = shape(shares.mean(1))
    drawn = random.integers(shares.shape[1], size=(RESAMPLES, shares.shape[1]))
    found = np.array([shape(shares[:, chosen].mean(1)) for chosen in drawn])
    low, high = np.percentile(found, INTERVAL, axis=0)
    return {
        "peak_layer": int(peak),
        "peak_low": low[0],
        "peak_high": high[0],
        "slope": slope,
        "slope_low": low[1],
        "slope_high": high[1],
    }


def measure(
    states: States, untrained: States | None, kinds: Sequence[str], k: int
) -> tuple[list[Row], list[Row]]:
    """Return rows by layer, and rows on the shape of the curves, of one task and set of pictures.

    `untrained` are the states of the same model before training, for the same samples, if known.
    """
    levels, shapes = [], []
    for scope, chosen in scopes(np.asarray(kinds), k).items():
        about = {"scope": scope, "samples": len(chosen), "k": k}
        if not len(chosen):
            levels.append({**about, NOTE: f"no prompt kind has more than k={k} samples"})
            continue
        within = np.asarray(kinds)[chosen] if scope == WITHIN else None
        seen, before = part(states, chosen), untrained and part(untrained, chosen)
        baseline = mutual_shares(before, k, within).mean(1) if before else None
        curve = mutual_curve(seen, k, within)
        levels += layer_rows({"measure": MUTUAL, **about}, curve, baseline)
        shapes.append({**about, **shape_row(mutual_shares(seen, k, within))})
    baseline = None
    if untrained:
        baseline = np.array([linear_cka(layer, untrained.prompt) for layer in untrained.image])
    about = {"measure": CKA, "scope": ALL}
    return levels + layer_rows(about, cka_curve(states), baseline), shapes


def scopes(kinds: np.ndarray, k: int) -> dict[str, np.ndarray]:
    """Return which samples each scope looks at: within kinds, those whose kind has more than k."""
    sizes = dict(zip(*np.unique(kinds, return_counts=True), strict=True))
    large = np.array([sizes[kind] > k for kind in kinds], dtype=bool)
    return {ALL: np.arange(len(kinds)), WITHIN: np.flatnonzero(large)}


def part(states: States, chosen: np.ndarray) -> States:
    """Return the states of some samples."""
    return States(states.image[:, chosen], states.prompt[chosen])


def layer_rows(about: Row, curve: Curve, untrained: np.ndarray | None) -> list[Row]:
    """Return a row a layer."""
    return [
        {
            **about,
            "layer": layer + 1,
            "value": value,
            "permuted": curve.permuted[layer],
            "permuted_high": curve.permuted_high[layer],
            "untrained": None if untrained is None else untrained[layer],
        }
        for layer, value in enumerate(curve.values)
    ]


def seen_in(model: Inspectable, images: str, samples: Sequence[Sample], task: Task) -> States:
    """Return a task's states: a prompt is read as the task reads it.

    Of a model's own pictures both tasks are compared with the prompts as they were drawn from: that
    is UniFork's recipe.
    """
    found = model.states(samples, task)
    if images == OWN and task == "understand":
        return replace(found, prompt=model.states(samples, "generate").prompt)
    return found


def alignment(
    model: Inspectable,
    untrained: Inspectable | None,
    samples: Mapping[str, Sequence[Sample]],
    k: int,
) -> dict[str, list[Row]]:
    """Return the tables `alignment` (by layer) and `alignment_shape` of a model.

    `samples` names sets of pictures: WORLD the same for every model, OWN what it drew itself.
    ValueError if a set has not more than k, or a state is not finite.
    """
    levels: list[Row] = []
    shapes: list[Row] = []
    for images, chosen in samples.items():
        require_enough(len(chosen), k)
        for task in TASKS:
            about = {"images": images, "task": task, "samples": len(chosen)}
            try:
                states = seen_in(model, images, chosen, task)
                before = seen_in(untrained, images, chosen, task) if untrained else None
            except NotApplicableError as error:
                levels.append({**about, NOTE: str(error)})
                continue
            found = measure(states, before, [one.kind for one in chosen], k)
            levels += [{**about, **row} for row in found[0]]
            shapes += [{**about, **row} for row in found[1]]
    return {"alignment": levels, "alignment_shape": shapes}
