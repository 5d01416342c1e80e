"""Where in a model pictures look alike that are described alike, by layer and task.

Mutual nearest neighbours (Huh et al. 2024, arXiv 2405.07987): two sets of states of the same
samples agree as far as a sample's k nearest others are the same ones in both. Here one set is the
mean state of a picture's tokens after a layer, the other that of its prompt's words after the last
layer, as UniFork (arXiv 2506.17202) compares them; the paper does not state its k. Nearness is the
cosine. Beside it stands linear CKA (Kornblith et al. 2019, arXiv 1905.00414).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

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
SCOPES = ("all", "within_kind")
MUTUAL, CKA = "mutual_knn", "linear_cka"


@dataclass(frozen=True)
class Neighbourhood:
    """`near` bool [samples, samples]: which others are among the `k` nearest of each sample."""

    near: np.ndarray
    k: int

    @classmethod
    def of(cls, states: np.ndarray, k: int, kinds: np.ndarray | None = None) -> "Neighbourhood":
        """Return the neighbours by cosine of states [samples, width], those of its kind alone if
        `kinds` [samples] are given; ValueError if there are not more than k samples to choose from.
        """
        _require_enough(len(states), k, kinds)
        unit = states / np.maximum(np.linalg.norm(states, axis=1, keepdims=True), 1e-12)
        likeness = unit.astype(np.float64) @ unit.T
        np.fill_diagonal(likeness, -np.inf)
        if kinds is not None:
            likeness[kinds[:, None] != kinds] = -np.inf
        near = np.zeros(likeness.shape, bool)
        nearest = np.argsort(-likeness, axis=1, kind="stable")[:, :k]
        np.put_along_axis(near, nearest, True, axis=1)
        return cls(near, k)

    def shared(self, other: "Neighbourhood") -> np.ndarray:
        """Return the share of each sample's neighbours that it has in both, [samples]."""
        return (self.near & other.near).sum(1) / self.k

    def renamed(self, order: np.ndarray) -> "Neighbourhood":
        """Return the neighbours of the samples in another order."""
        return Neighbourhood(self.near[np.ix_(order, order)], self.k)


def _require_enough(count: int, k: int, kinds: np.ndarray | None) -> None:
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}.")
    if count <= k:
        raise ValueError(f"k must be below the number of samples, {count}, got {k}.")
    if kinds is not None:
        names, sizes = np.unique(kinds, return_counts=True)
        if sizes.min() <= k:
            small = names[sizes.argmin()]
            raise ValueError(
                f"k must be below the number of samples of each kind, {sizes.min()} of {small!r}, "
                f"got {k}."
            )


def linear_cka(first: np.ndarray, second: np.ndarray) -> float:
    """Return the centred kernel alignment of states [samples, width] each, in [0, 1]."""
    first, second = (
        states.astype(np.float64) - states.mean(0, dtype=np.float64) for states in (first, second)
    )
    own = np.linalg.norm(first.T @ first) * np.linalg.norm(second.T @ second)
    return float(np.linalg.norm(first.T @ second) ** 2 / own) if own else 0.0


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
    """One measure by layer: its value, what it is for permuted prompts (mean and 95th percentile),
    and, of mutual neighbours, each sample's share [layers, samples].
    """

    values: np.ndarray
    permuted: np.ndarray
    permuted_high: np.ndarray
    shares: np.ndarray | None = None


def mutual_curve(states: States, k: int, kinds: np.ndarray | None = None) -> Curve:
    """Return the mutual neighbours of pictures and prompts after each layer."""
    prompts = Neighbourhood.of(states.prompt, k, kinds)
    layers = [Neighbourhood.of(layer, k, kinds) for layer in states.image]
    shares = np.stack([layer.shared(prompts) for layer in layers])
    renamed = (prompts.renamed(order) for order in orders(len(states.prompt), kinds))
    by_chance = np.array([[layer.shared(one).mean() for layer in layers] for one in renamed])
    high = np.percentile(by_chance, 95, axis=0)
    return Curve(shares.mean(1), by_chance.mean(0), high, shares)


def cka_curve(states: States) -> Curve:
    """Return the linear CKA of pictures and prompts after each layer."""
    values = np.array([linear_cka(layer, states.prompt) for layer in states.image])
    permuted = (states.prompt[order] for order in orders(len(states.prompt), None))
    by_chance = np.array([[linear_cka(layer, one) for layer in states.image] for one in permuted])
    return Curve(values, by_chance.mean(0), np.percentile(by_chance, 95, axis=0))


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
    """Return peak layer and slope of shares [layers, samples], with 95% intervals.

    The samples are drawn anew RESAMPLES times, with the neighbours that they have among all: in a
    resample a sample would be its own copy's neighbour.
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
    named = np.asarray(kinds)
    levels, shapes = [], []
    for scope in SCOPES:
        within = named if scope == "within_kind" else None
        curve = mutual_curve(states, k, within)
        before = mutual_curve(untrained, k, within) if untrained else None
        levels += _layer_rows(MUTUAL, scope, curve, before, k)
        assert curve.shares is not None
        shapes.append({"scope": scope, "k": k, **shape_row(curve.shares)})
    before = cka_curve(untrained) if untrained else None
    return levels + _layer_rows(CKA, "all", cka_curve(states), before, None), shapes


def _layer_rows(
    name: str, scope: str, curve: Curve, before: Curve | None, k: int | None
) -> list[Row]:
    return [
        {
            "measure": name,
            "scope": scope,
            "layer": layer + 1,
            "value": value,
            "permuted": curve.permuted[layer],
            "permuted_high": curve.permuted_high[layer],
            "untrained": before.values[layer] if before else None,
            "k": k,
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
    """
    levels: list[Row] = []
    shapes: list[Row] = []
    for images, chosen in samples.items():
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
