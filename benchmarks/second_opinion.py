"""Do two judges give the same verdict on the same images? No score is worth more than that.

An image counts as agreed upon where both judges call it right, or both wrong, by the official rule.
Where nearly all images are wrong, two judges agree by chance: hence Cohen's kappa beside the share.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchmarks.results import Item, Metric, Results, summarise


def score(first: Results, second: Results) -> Results:
    """Return the share of equal verdicts by tag and column, kappa, and the second judge's score.

    Both are results of GenEval; ValueError if they are of other images.
    """
    names = [[item.name for item in results.items] for results in (first, second)]
    if names[0] != names[1]:
        raise ValueError(
            f"judges must have seen the same images, got {len(names[0])} and {len(names[1])}."
        )
    items = [
        replace(one, value=float(one.value == other.value), detail={})
        for one, other in zip(first.items, second.items, strict=True)
    ]
    label = second.protocol["label"]
    metrics = summarise("judges", label, items)
    metrics[f"judges.second_geneval@{label}"] = second.metrics[f"geneval.overall@{label}"]
    chance_corrected = kappa(first.items, second.items)
    if chance_corrected is not None:
        metrics[f"judges.kappa@{label}"] = Metric(
            value=chance_corrected, ci_low=None, ci_high=None, n=len(items)
        )
    judges = [results.protocol["judge"] for results in (first, second)]
    return Results(
        benchmark="judges",
        protocol={
            **first.protocol,
            "label": label,
            "judge": {"judge": ", ".join(one["judge"] for one in judges), "judges": judges},
        },
        n_expected=first.n_expected,
        n_scored=len(items),
        metrics=metrics,
        items=items,
    )


def kappa(first: Sequence[Item], second: Sequence[Item]) -> float | None:
    """Return Cohen's kappa of two judges' verdicts (0 or 1 each) on the same images.

    None where each judge says the same of every image: there is no chance to correct for.
    """
    one, other = (np.array([item.value for item in items]) for items in (first, second))
    by_chance = one.mean() * other.mean() + (1 - one.mean()) * (1 - other.mean())
    if by_chance == 1:
        return None
    return float(((one == other).mean() - by_chance) / (1 - by_chance))
