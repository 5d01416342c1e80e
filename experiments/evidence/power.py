"""What so many seeds could have found: power of the paired t-test, detectable effect, seeds needed.

They speak of one claim at ALPHA, before it shares the error rate with others.
"""

from functools import cache

from scipy import optimize, stats

from experiments.evidence.statistics import ALPHA

POWER = 0.8
MAXIMUM_SEEDS = 10_000


def power_of_paired_t(effect: float, deviation: float, seeds: int) -> float:
    """Chance that a two-sided paired t-test at ALPHA finds a true mean difference `effect`."""
    noncentrality = seeds * (effect / deviation) ** 2
    critical = stats.f.ppf(1 - ALPHA, 1, seeds - 1)  # the square of the two-sided t
    return float(stats.ncf.sf(critical, 1, seeds - 1, noncentrality))


def minimum_detectable_effect(deviation: float, seeds: int) -> float:
    """The true difference that `seeds` seeds would find with probability POWER."""
    return deviation * detectable_ratio(seeds)


@cache
def detectable_ratio(seeds: int) -> float:
    """The minimum detectable effect of differences with a deviation of 1."""

    def gap(ratio: float) -> float:
        return power_of_paired_t(ratio, 1.0, seeds) - POWER

    return float(optimize.brentq(gap, 1e-6, 100.0))


def seeds_needed(deviation: float, effect: float) -> int | None:
    """Seeds that find `effect` with probability POWER, or None beyond MAXIMUM_SEEDS."""
    low, high = 2, MAXIMUM_SEEDS
    if deviation == 0.0:
        return low
    if effect <= 0.0 or power_of_paired_t(effect, deviation, high) < POWER:
        return None
    while low < high:
        middle = (low + high) // 2
        enough = power_of_paired_t(effect, deviation, middle) >= POWER
        low, high = (low, middle) if enough else (middle + 1, high)
    return low
