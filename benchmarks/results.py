"""What a benchmark reports: items, and the metrics made of them with intervals that resample
clusters.

Items of one prompt (or of one image) are not independent, so the bootstrap draws whole clusters,
within each stratum; the interval is widened where they are few, and one alone has none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from benchmarks.few_clusters import interval
from benchmarks.records import read_json, read_lines, write_json, write_lines

RESULTS = "results.json"
ITEMS = "items.jsonl"
DRAWS = 1000
DRAWN_AT_ONCE = 1 << 21
"""Clusters drawn together, which bounds the memory."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A value with its interval (None where resampling has no meaning) and the number of items
    behind it.
    """

    value: float
    ci_low: float | None
    ci_high: float | None
    n: int
    higher_is_better: bool = True

    def interval(self) -> str:
        """Return the interval in brackets, or nothing."""
        return "" if self.ci_low is None else f"  [{self.ci_low:.4g}, {self.ci_high:.4g}]"


@dataclass(frozen=True, kw_only=True)
class Item:
    """One scored thing: an image or a question, in a cluster of dependent ones and a stratum of
    like ones.
    """

    name: str
    cluster: str
    stratum: str
    value: float
    column: str | None = None
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Results:
    """The outcome of one benchmark under one protocol. Metric names carry the protocol after an
    '@'.
    """

    benchmark: str
    protocol: Mapping[str, Any]
    n_expected: int
    n_scored: int
    metrics: Mapping[str, Metric]
    items: Sequence[Item] = ()

    def write(self, folder: Path) -> None:
        """Write items.jsonl, then results.json, into `folder`."""
        write_lines(folder / ITEMS, map(asdict, self.items))
        metrics = {name: asdict(metric) for name, metric in self.metrics.items()}
        document = {
            "benchmark": self.benchmark,
            "protocol": self.protocol,
            "n_expected": self.n_expected,
            "n_scored": self.n_scored,
            "metrics": metrics,
            "items": ITEMS,
        }
        write_json(folder / RESULTS, document)

    def table(self) -> str:
        """Return one line a metric: name, value, interval, number of items."""
        return "\n".join(
            f"{name:60} {found.value:8.4g}{found.interval()}  n={found.n}"
            for name, found in self.metrics.items()
        )

    @classmethod
    def read(cls, folder: Path) -> "Results":
        """Return what `write` wrote; ValueError if a file is damaged or of another form, OSError if
        it is missing.
        """
        path = folder / RESULTS
        document = read_json(path)
        keys = {one.name for one in fields(cls)}
        if not isinstance(document, dict) or set(document) != keys:
            found = sorted(document) if isinstance(document, dict) else document
            raise ValueError(f"{path} must have the keys {sorted(keys)}, got {found!r:.200}.")
        items = folder / str(document.pop("items"))
        rows = read_lines(items, "name") if items.stat().st_size else []
        stated = document.pop("metrics")
        if not isinstance(stated, dict) or not isinstance(document["protocol"], dict):
            raise ValueError(f"{path} must have objects as metrics and protocol, got others.")
        return cls(
            **document,
            metrics={name: _made(Metric, row, name, path) for name, row in stated.items()},
            items=[_made(Item, row, row["name"], items) for row in rows],
        )


Valued = TypeVar("Valued", Metric, Item)


def _made(kind: type[Valued], row: Any, name: str, path: Path) -> Valued:
    """Return a metric or item as a file has it; ValueError for other keys, or a value that is no
    number.
    """
    try:
        made = kind(**row)
    except TypeError as error:
        raise ValueError(f"{path} must have a whole {name!r}, got: {error}.") from error
    if not isinstance(made.value, int | float):
        raise ValueError(f"{path} must have a number as value of {name!r}, got {made.value!r}.")
    return made


def estimate(items: Sequence[Item], weights: Mapping[str, float] | None = None) -> Metric:
    """Return the mean of the items with its interval.

    With `weights`, the weighted mean of the means of the strata, the weights rescaled to those that
    exist, and each stratum resampled on its own; without, the plain mean, all clusters resampled
    together.
    """
    strata = np.array([item.stratum if weights else "" for item in items])
    clusters = [item.cluster for item in items]
    values = np.array([item.value for item in items], dtype=np.float64)
    names = sorted(set(strata.tolist()))
    shares = np.array([weights[name] if weights else 1.0 for name in names])
    shares = shares / shares.sum()
    value, draws = 0.0, np.zeros(DRAWS)
    random = np.random.default_rng(0)
    for name, share in zip(names, shares, strict=True):
        chosen = strata == name
        value += share * values[chosen].mean()
        members = [cluster for cluster, kept in zip(clusters, chosen, strict=True) if kept]
        draws += share * _resampled_means(values[chosen], members, random)
    size = len(set(zip(strata.tolist(), clusters, strict=True)))
    low, high = interval(float(value), draws, size, len(names))
    return Metric(value=float(value), ci_low=low, ci_high=high, n=len(items))


def _resampled_means(
    values: np.ndarray, clusters: Sequence[str], random: np.random.Generator
) -> np.ndarray:
    """Return the mean of `values` [n] in DRAWS resamples of whole clusters."""
    number = {name: index for index, name in enumerate(sorted(set(clusters)))}
    index = np.array([number[name] for name in clusters])  # np.unique would sort every string
    sums, sizes = np.bincount(index, weights=values), np.bincount(index)
    means = np.empty(DRAWS)
    for first in range(0, DRAWS, block := max(1, DRAWN_AT_ONCE // len(sums))):
        rows = slice(first, min(first + block, DRAWS))
        drawn = random.integers(len(sums), size=(rows.stop - rows.start, len(sums)))
        means[rows] = sums[drawn].sum(1) / sizes[drawn].sum(1)
    return means


def summarise(
    prefix: str, label: str, items: Sequence[Item], weights: Mapping[str, float] | None = None
) -> dict[str, Metric]:
    """Return `prefix.overall@label` and `prefix.<stratum>@label`, and both by column of the items.

    A column's name stands before the label: `prefix.overall.seen@label`. ValueError if `weights`
    lacks a stratum that occurs.
    """
    strata = dict.fromkeys(item.stratum for item in items)
    if weights is not None and (unknown := [name for name in strata if name not in weights]):
        raise ValueError(f"{prefix} must have a stratum of {sorted(weights)}, got {unknown[0]!r}.")
    metrics: dict[str, Metric] = {}
    for column in [None, *dict.fromkeys(item.column for item in items if item.column)]:
        suffix = f".{column}@{label}" if column else f"@{label}"
        chosen = [item for item in items if column in (None, item.column)]
        metrics[f"{prefix}.overall{suffix}"] = estimate(chosen, weights)
        for stratum in strata:
            if members := [item for item in chosen if item.stratum == stratum]:
                metrics[f"{prefix}.{stratum}{suffix}"] = estimate(members)
    return metrics
