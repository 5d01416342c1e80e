"""Differences between two arms, from the scores and items that their cells left.

Everything is oriented: positive means that the arm is better than what it is compared with.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from experiments.evidence.collect import Gathered, Row, read_items
from experiments.evidence.statistics import (
    MINIMUM_SEEDS,
    Difference,
    PairedItem,
    items_difference,
    mean_difference,
    seeds_difference,
)
from experiments.planning.claims import Comparison

REPRODUCES = 1e-6
GROUP_WEIGHTS = "group_weights"
"""Where a protocol says how much each stratum weighs, as WISE's does."""
Weights = Mapping[str, float] | None


def seed_differences(found: Gathered, pair: Comparison) -> dict[int, float]:
    """Oriented differences of the final scores by seed, for the seeds that both arms have."""
    differences = {}
    for seed in found.plan.request.seeds:
        ours, theirs = (found.value(arm, seed, pair.metric) for arm in (pair.arm, pair.against))
        if ours and theirs:
            differences[seed] = oriented(ours, theirs)
    return differences


def missing_cells(found: Gathered, pair: Comparison) -> list[str]:
    """The planned cells of both arms that have no final score on the metric."""
    cells = [cell for cell in found.plan.cells if cell.arm in (pair.arm, pair.against)]
    return [one.label for one in cells if found.value(one.arm, one.seed, pair.metric) is None]


def oriented(ours: Row, theirs: Row) -> float:
    return (ours.value - theirs.value) * ours.sign


def curve_differences(found: Gathered, pair: Comparison) -> list[float]:
    """Oriented differences at the k-th token count of both arms, averaged over seeds."""
    sums: dict[int, list[float]] = {}
    for seed in found.plan.request.seeds:
        ours, theirs = (
            curve(found.curve, arm, seed, pair.metric) for arm in (pair.arm, pair.against)
        )
        for index, (one, other) in enumerate(zip(ours, theirs, strict=False)):
            sums.setdefault(index, []).append(oriented(one, other))
    return [sum(values) / len(values) for values in sums.values()]


def curve(rows: Sequence[Row], arm: str, seed: int, metric: str) -> list[Row]:
    """The scores of a metric (without protocol) over tokens."""
    chosen = [row for row in rows if (row.arm, row.seed, row.name) == (arm, seed, metric)]
    return sorted(chosen, key=lambda row: row.tokens_seen or 0)


def best_difference(found: Gathered, pair: Comparison) -> Difference | None:
    """Over seeds where there are enough, else over items; None where neither can be had."""
    differences = list(seed_differences(found, pair).values())
    if len(differences) >= MINIMUM_SEEDS:
        return seeds_difference(differences)
    return compare_items(found, pair)


def compare_items(found: Gathered, pair: Comparison) -> Difference | None:
    """Cluster bootstrap over the items of both arms, or None if the metric is not made of items, in
    one way by both arms at every seed."""
    pairs: list[PairedItem] = []
    fitting: list[Weights] | None = None
    for seed in found.plan.request.seeds:
        sides = [
            (row, items)
            for arm in (pair.arm, pair.against)
            if (row := found.value(arm, seed, pair.metric))
            and (items := scored_items(found, arm, seed, pair.metric))
        ]
        if len(sides) < 2:
            continue
        for row, items in sides:  # each, since an arm that scores 0 throughout fits every way
            groups = found.protocols.get(row.protocol, {}).get(GROUP_WEIGHTS)
            here = list(estimators(items.values(), row.value, groups))
            fitting = here if fitting is None else [one for one in fitting if one in here]
        (row, ours), (_, theirs) = sides
        pairs += paired(ours, theirs, row.sign)
    return items_difference(pairs, fitting[0]) if fitting else None


def scored_items(found: Gathered, arm: str, seed: int, metric: str) -> dict[str, dict[str, Any]]:
    """The items behind `<benchmark>.<stratum or overall>[.<column>]`, by name."""
    benchmark, _, rest = metric.partition(".")
    path = found.items.get((arm, seed, benchmark))
    if path is None or not path.exists():
        return {}
    stratum, _, column = rest.partition(".")
    return {
        item["name"]: item
        for item in read_items(path)
        if (not column or item.get("column") == column)
        and (stratum == "overall" or item["stratum"] == stratum)
    }


def estimators(
    items: Iterable[Mapping[str, Any]], value: float, groups: Weights = None
) -> Iterator[Weights]:
    """What reproduces the recorded value: the plain mean (None), that of strata alike, or that of
    strata by the weights that the protocol gives its groups."""
    scored = [PairedItem(one["cluster"], one["stratum"], one["value"]) for one in items]
    alike = dict.fromkeys((one.stratum for one in scored), 1.0)
    for weights in (None, alike, *([groups] if groups else [])):
        if abs(mean_difference(scored, weights) - value) < REPRODUCES:
            yield weights


def paired(ours: Mapping[str, Any], theirs: Mapping[str, Any], sign: int) -> Iterator[PairedItem]:
    for name in sorted(ours.keys() & theirs.keys()):
        one, other = ours[name], theirs[name]
        difference = sign * (one["value"] - other["value"])
        yield PairedItem(one["cluster"], one["stratum"], difference)
