"""`python -m benchmarks compare A B`: two results of one protocol, item against item.

The models may differ, nothing else: unlike protocols are refused with the first thing that they
differ in. The p-value comes from flipping the sign of whole clusters' differences, the interval
from resampling clusters within strata, widened where they are few. One cluster, such as a distance
between two sets, has neither.
"""

from argparse import Namespace
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import flags
from benchmarks.few_clusters import interval
from benchmarks.protocol import first_difference
from benchmarks.results import ITEMS, RESULTS, Item, Results

MAY_DIFFER = ("model", "images", "missing", "dropped", "unreadable", "beyond_scale", "usage")
"""What a protocol says of the outcome or of the model under test, not of how it was measured."""
WEIGHTS = ("weights", "group_weights")
"""Where a protocol says how much each stratum counts in the overall score; else items count
alike."""
FLIPS = 10_000
CHUNK = 500
TOLERANCE = 1e-9


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Mean of each side, their difference (second minus first) with its interval, and the p-value
    of no difference; None and no p-value where there is but one cluster.
    """

    name: str
    first: float
    second: float
    ci_low: float | None
    ci_high: float | None
    p_value: float | None
    n: int

    @property
    def difference(self) -> float:
        """The second side minus the first."""
        return self.second - self.first

    def __str__(self) -> str:
        values = " ".join(f"{value:9.4g}" for value in (self.first, self.second, self.difference))
        span = "" if self.ci_low is None else f"[{self.ci_low:.4g}, {self.ci_high:.4g}]"
        p_value = "" if self.p_value is None else f"{self.p_value:.4f}"
        return f"{self.name:32} {values}  {span:22} {p_value:>7} {self.n:6}"


def arguments(verb: str) -> list[flags.Flag]:
    """Return the flags of the command."""
    return [
        (("first",), {"type": Path, "help": "results.json, or its folder"}),
        (("second",), {"type": Path, "help": "results.json, or its folder"}),
    ]


def run_verb(verb: str, options: Namespace) -> None:
    """Print the protocol, and the comparison of the overall score and of each part."""
    first, second = (read(path) for path in (options.first, options.second))
    rows = compare(first, second)
    for line in protocol_lines(first.protocol):
        print(line)
    for side, path, results in (("A", options.first, first), ("B", options.second, second)):
        print(f"{side} {path}: {dict(results.protocol.get('model', {})) or 'model not stated'}")
    print(f"{'':32} {'A':>9} {'B':>9} {'B - A':>9}  {'95% interval':22} {'p':>7} {'items':>6}")
    for row in rows:
        print(row)


def read(path: Path) -> Results:
    """Return the results of a file or folder; ValueError or OSError if they cannot be read."""
    if path.is_dir():
        return _finite(Results.read(path), path)
    if path.name != RESULTS or not path.is_file():
        raise ValueError(f"results must be a folder or the {RESULTS} in it, got {path}.")
    return _finite(Results.read(path.parent), path.parent)


def _finite(results: Results, folder: Path) -> Results:
    """Return `results`; ValueError that names the metric or item whose value is not finite."""
    metrics = ((RESULTS, name, one.value) for name, one in results.metrics.items())
    items = ((ITEMS, f"item {one.name}", one.value) for one in results.items)
    for file, name, value in chain(metrics, items):
        if not isfinite(value):
            raise ValueError(f"{folder / file} must hold finite values, got {value} of {name}.")
    return results


def compare(first: Results, second: Results) -> list[Comparison]:
    """Return the comparison of the overall score, then of each stratum if there are several; where
    each item is a metric (a distance), of each alone.

    ValueError if the results are of unlike protocols, or score unlike items.
    """
    require_alike(first, second)
    others = {item.name: item for item in second.items}
    pairs = [(item, others[item.name]) for item in first.items]
    weights = next((first.protocol[key] for key in WEIGHTS if key in first.protocol), None)
    rows = []
    if not all(item.name in first.metrics for item in first.items):
        rows.append(_compared(_overall_name(first, weights), pairs, weights))
    strata: dict[str, list[tuple[Item, Item]]] = defaultdict(list)
    for pair in pairs:
        strata[pair[0].stratum].append(pair)
    if len(strata) > 1 or not rows:
        rows += [_compared(name, members, None) for name, members in strata.items()]
    return rows


def require_alike(first: Results, second: Results) -> None:
    """ValueError unless the two were measured in the same way on the same items."""
    if first.benchmark != second.benchmark:
        raise ValueError(
            f"results must be of one benchmark, got {first.benchmark} and {second.benchmark}."
        )
    if found := first_difference(first.protocol, second.protocol, MAY_DIFFER):
        raise ValueError(f"results must be of one protocol, got {found}.")
    names = [{item.name for item in results.items} for results in (first, second)]
    if not names[0] or names[0] != names[1]:
        odd = sorted(names[0] ^ names[1])
        raise ValueError(
            f"results must score the same items, got {len(names[0])} and {len(names[1])}"
            + (f", of which {len(odd)} in one alone: {odd[0]}." if odd else ".")
        )


def _overall_name(results: Results, weights: Mapping[str, float] | None) -> str:
    """Return "overall" if the items' mean is the overall score, otherwise what it is."""
    mean = float(np.sum(_shares(results.items, weights) * [one.value for one in results.items]))
    overall = [
        metric.value
        for name, metric in results.metrics.items()
        if name.partition("@")[0].endswith(".overall")
    ]
    is_overall = any(abs(value - mean) <= TOLERANCE * max(1, abs(mean)) for value in overall)
    return "overall" if is_overall else "mean of items"


def _shares(items: Sequence[Item], weights: Mapping[str, float] | None) -> np.ndarray:
    """Return how much each item counts in the (weighted) mean; they sum to 1."""
    if weights is None:
        return np.full(len(items), 1 / len(items))
    sizes: dict[str, int] = defaultdict(int)
    for item in items:
        sizes[item.stratum] += 1
    if unknown := set(sizes) - set(weights):
        raise ValueError(f"a stratum must have a weight, got none for {min(unknown)!r}.")
    total = sum(weights[name] for name in sizes)
    return np.array([weights[one.stratum] / total / sizes[one.stratum] for one in items])


def _compared(
    name: str, pairs: Sequence[tuple[Item, Item]], weights: Mapping[str, float] | None
) -> Comparison:
    items = [pair[0] for pair in pairs]
    shares = _shares(items, weights)
    values = np.array([[one.value for one in pair] for pair in pairs], dtype=np.float64)
    means = shares @ values
    differences = shares * (values[:, 1] - values[:, 0])
    clusters: dict[tuple[str, str], int] = {}
    named = [(one.stratum if weights else "", one.cluster) for one in items]
    index = [clusters.setdefault(name, len(clusters)) for name in named]
    by_cluster = np.bincount(index, weights=differences)
    weight = np.bincount(index, weights=shares)
    strata = np.array([stratum for stratum, _ in clusters])
    low, high = _interval(by_cluster, weight, strata)
    return Comparison(
        name=name,
        first=float(means[0]),
        second=float(means[1]),
        ci_low=low,
        ci_high=high,
        p_value=_p_value(by_cluster),
        n=len(pairs),
    )


def _p_value(by_cluster: np.ndarray) -> float | None:
    """Return how often random signs of the clusters' differences give as much; never 0, and None of
    one cluster, which gives as much by either sign.
    """
    if len(by_cluster) < 2:
        return None
    found, size = abs(by_cluster.sum()), len(by_cluster)
    random = np.random.default_rng(0)
    slack = TOLERANCE * max(1.0, np.abs(by_cluster).sum())
    hits = sum(
        int((np.abs(signs @ by_cluster) >= found - slack).sum()) for signs in _signs(random, size)
    )
    return (1 + hits) / (1 + FLIPS)


def _signs(random: np.random.Generator, size: int) -> Iterator[np.ndarray]:
    """Yield FLIPS rows of random signs [rows, size]."""
    for _ in range(FLIPS // CHUNK):
        yield random.integers(0, 2, size=(CHUNK, size), dtype=np.int8) * 2.0 - 1.0


def _interval(
    by_cluster: np.ndarray, weight: np.ndarray, strata: np.ndarray
) -> tuple[float, float] | tuple[None, None]:
    """Return the interval of the difference, clusters resampled within strata.

    Each stratum's share of the overall score is fixed; within it, a larger cluster weighs more.
    """
    random = np.random.default_rng(0)
    draws, names = np.zeros(1000), sorted(set(strata.tolist()))
    for name in names:
        sums, sizes = by_cluster[strata == name], weight[strata == name]
        drawn = random.integers(len(sums), size=(len(draws), len(sums)))
        draws += sizes.sum() * sums[drawn].sum(1) / sizes[drawn].sum(1)
    return interval(float(by_cluster.sum()), draws, len(by_cluster), len(names))


def protocol_lines(protocol: Mapping[str, Any], place: str = "") -> Iterator[str]:
    """Yield the protocol, one setting a line, without what is the model's or the outcome's."""
    for key, value in protocol.items():
        if not place and key in MAY_DIFFER:
            continue
        if isinstance(value, Mapping):
            yield from protocol_lines(value, f"{place}{key}.")
        else:
            yield f"protocol {place}{key}: {value}"
