"""Yes-or-no replies by outcome, and the figures made of them with intervals. Yes is positive."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.few_clusters import interval
from benchmarks.results import DRAWS, Item, Metric


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Replies by outcome: numbers, or arrays of numbers [n]."""

    true_yes: Any
    false_yes: Any
    true_no: Any
    false_no: Any


def accuracy(counts: Counts) -> Any:
    """Return the share of right replies."""
    return (counts.true_yes + counts.true_no) / sum(asdict(counts).values())


def precision(counts: Counts) -> Any:
    """Return the share of right ones among the replies of yes."""
    return counts.true_yes / (counts.true_yes + counts.false_yes)


def recall(counts: Counts) -> Any:
    """Return the share of yes among the questions whose answer is yes."""
    return counts.true_yes / (counts.true_yes + counts.false_no)


def f1(counts: Counts) -> Any:
    """Return the harmonic mean of precision and recall."""
    of, by = precision(counts), recall(counts)
    return 2 * of * by / (of + by)


def yes_ratio(counts: Counts) -> Any:
    """Return the share of yes among the replies."""
    return (counts.true_yes + counts.false_yes) / sum(asdict(counts).values())


STATISTICS: Mapping[str, Callable[[Counts], Any]] = {
    "accuracy": accuracy,
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "yes_ratio": yes_ratio,
}


def resample(items: Sequence[Item]) -> Counts:
    """Return the counts [1 + DRAWS] of all items, then of resamples of whole clusters.

    An item's `detail` has `label` and `yes`: whether yes is right, and whether it was said.
    """
    clusters, index = np.unique([item.cluster for item in items], return_inverse=True)
    outcome = np.array(
        [2 * (not item.detail["label"]) + (not item.detail["yes"]) for item in items]
    )
    # columns: yes and said yes, yes and said no, no and said yes, no and said no
    by_cluster = np.zeros((len(clusters), 4))
    np.add.at(by_cluster, (index, outcome), 1)
    random = np.random.default_rng(0)
    drawn = random.multinomial(len(clusters), np.full(len(clusters), 1 / len(clusters)), size=DRAWS)
    true_yes, false_no, false_yes, true_no = np.vstack([by_cluster.sum(0), drawn @ by_cluster]).T
    return Counts(true_yes=true_yes, false_yes=false_yes, true_no=true_no, false_no=false_no)


def metric_of(draws: np.ndarray, items: Sequence[Item]) -> Metric:
    """Return the first value, of `items`, with the interval of the others, undefined resamples left
    out.
    """
    value, clusters = float(draws[0]), len({item.cluster for item in items})
    low, high = interval(value, draws[1:][~np.isnan(draws[1:])], clusters, strata=1)
    return Metric(value=value, ci_low=low, ci_high=high, n=len(items))
