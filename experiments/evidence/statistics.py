"""How sure a difference is, given items (these checkpoints) or seeds (the architecture).

Every difference here is oriented: positive means that the arm is better than what it is compared
with.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from benchmarks.few_clusters import expansion

ALPHA = 0.05
MINIMUM_SEEDS = 5
BOOTSTRAP_DRAWS = 4000

BETTER, WORSE, EQUIVALENT, UNDECIDED = "better", "worse", "equivalent", "undecided"
NOT_INFERIOR = "not inferior"
DECIDED = (BETTER, WORSE, EQUIVALENT, NOT_INFERIOR)
TOO_FEW_SEEDS = "undecided: seeds"


@dataclass(frozen=True)
class PairedItem:
    """One item that two arms were scored on: the oriented difference of their values."""

    cluster: str
    stratum: str
    difference: float


@dataclass(frozen=True)
class Difference:
    """An oriented difference with its 95% interval, and the 90% one that tests equivalence."""

    value: float
    low: float
    high: float
    inner_low: float
    inner_high: float
    p_value: float | None = None

    @property
    def text(self) -> str:
        """`+0.036 [+0.016, +0.055]`."""
        return f"{self.value:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"

    @property
    def is_above_zero(self) -> bool:
        """Whether the whole interval is."""
        return self.low > 0


def items_difference(
    items: Sequence[PairedItem], weights: Mapping[str, float] | None = None
) -> Difference:
    """Cluster bootstrap of paired differences, within strata.

    With `weights`, the mean of the means of the strata by weight, rescaled to the strata there are,
    as in GenEval and WISE; otherwise items weigh alike. Raises ValueError without items.
    """
    if not items:
        raise ValueError("items must hold at least one pair, got none.")
    random = np.random.default_rng(0)
    strata = by_stratum(items)
    value, draws, weight = 0.0, np.zeros(BOOTSTRAP_DRAWS), 0.0
    for stratum, members in strata.items():
        share = weights[stratum] if weights else float(len(members))
        differences = np.array([item.difference for item in members])
        value += share * float(differences.mean())
        draws += share * resampled_means(differences, [item.cluster for item in members], random)
        weight += share
    value, draws = value / weight, draws / weight
    clusters = len({(item.stratum, item.cluster) for item in items})
    draws = value + expansion(clusters, len(strata)) * (draws - value)
    low, inner_low, inner_high, high = np.quantile(draws, [0.025, 0.05, 0.95, 0.975])
    return Difference(value, *map(float, (low, high, inner_low, inner_high)))


def mean_difference(
    items: Sequence[PairedItem], weights: Mapping[str, float] | None = None
) -> float:
    """The estimate of `items_difference`, without its interval."""
    strata = by_stratum(items)
    shares = [weights[name] if weights else len(members) for name, members in strata.items()]
    means = [np.mean([item.difference for item in members]) for members in strata.values()]
    return float(np.average(means, weights=shares))


def by_stratum(items: Sequence[PairedItem]) -> Mapping[str, list[PairedItem]]:
    strata: dict[str, list[PairedItem]] = {}
    for item in items:
        strata.setdefault(item.stratum, []).append(item)
    return strata


def resampled_means(
    values: np.ndarray, clusters: Sequence[str], random: np.random.Generator
) -> np.ndarray:
    """Means of `values` [n] in BOOTSTRAP_DRAWS resamples of whole clusters."""
    _, index = np.unique(np.array(clusters), return_inverse=True)
    sums, sizes = np.bincount(index, weights=values), np.bincount(index)
    drawn = random.integers(len(sums), size=(BOOTSTRAP_DRAWS, len(sums)))
    return sums[drawn].sum(1) / sizes[drawn].sum(1)


def seeds_difference(differences: Sequence[float]) -> Difference:
    """Paired t interval and two-sided p-value of per-seed differences (at least two)."""
    values = np.asarray(differences, dtype=float)
    mean, degrees = float(values.mean()), len(values) - 1
    error = float(values.std(ddof=1) / np.sqrt(len(values)))
    if error == 0.0:
        return Difference(mean, mean, mean, mean, mean, 1.0 if mean == 0.0 else 0.0)
    outer, inner = stats.t.ppf([1 - ALPHA / 2, 1 - ALPHA], degrees) * error
    p_value = float(2 * stats.t.sf(abs(mean) / error, degrees))
    return Difference(mean, mean - outer, mean + outer, mean - inner, mean + inner, p_value)


def equivalence_p(differences: Sequence[float], margin: float) -> float:
    """The larger p-value of two one-sided t-tests that the mean lies inside plus and minus `margin`
    (Schuirmann, 1987), of at least two differences."""
    return one_sided_p(differences, margin - abs(float(np.mean(differences))))


def not_inferior_p(differences: Sequence[float], margin: float) -> float:
    """The p-value of a one-sided t-test that the mean lies above minus `margin`."""
    return one_sided_p(differences, margin + float(np.mean(differences)))


def one_sided_p(differences: Sequence[float], gap: float) -> float:
    """The p-value of a one-sided t-test of a mean that lies `gap` inside its bound."""
    error = float(np.std(differences, ddof=1) / np.sqrt(len(differences)))
    if error == 0.0:
        return 0.0 if gap > 0 else 1.0
    return float(stats.t.sf(gap / error, len(differences) - 1))


def verdict(difference: Difference, margin: float, is_one_sided: bool = False) -> str:
    """better, worse, equivalent (one-sided: not inferior) or undecided, by the intervals of one
    difference alone."""
    is_different = difference.low > 0 or difference.high < 0
    above, below = -margin < difference.inner_low, difference.inner_high < margin
    if is_one_sided:
        return one_sided_word(difference.value, is_different, above)
    return word(difference.value, is_different, above and below)


def word(value: float, is_different: bool, is_equivalent: bool) -> str:
    """The word for what the tests say; a difference that surely is small is called so first."""
    if is_equivalent:
        return EQUIVALENT
    if is_different and value != 0:
        return BETTER if value > 0 else WORSE
    return UNDECIDED


def one_sided_word(value: float, is_different: bool, is_not_inferior: bool) -> str:
    """The word of a claim of non-inferiority, of which better says more and worse less."""
    if is_different and value > 0:
        return BETTER
    return NOT_INFERIOR if is_not_inferior else word(value, is_different, False)


def holm(claims: Sequence[Sequence[float]]) -> list[list[float]]:
    """Adjusted p-values of the hypotheses of each claim, of which one at most is true.

    Holm's procedure (1979) as Shaffer (1986) sharpens it for hypotheses that exclude one another:
    a p-value is multiplied by the number of claims that still have a hypothesis to test. With one
    hypothesis a claim it is Holm's own.
    """
    left = [len(one) for one in claims]
    adjusted, largest = [list(one) for one in claims], 0.0
    for p_value, claim, place in sorted(
        (p_value, claim, place)
        for claim, values in enumerate(claims)
        for place, p_value in enumerate(values)
    ):
        largest = max(largest, p_value * sum(one > 0 for one in left))
        adjusted[claim][place] = min(1.0, largest)
        left[claim] -= 1
    return adjusted


def mean_interval(values: Sequence[float]) -> tuple[float, float]:
    """95% t interval of a mean over seeds (at least two)."""
    difference = seeds_difference(values)
    return difference.low, difference.high


def still_training(differences: Sequence[float], final: float) -> bool:
    """Whether the sign of the final difference fails at either of the last two token counts."""
    return any(np.sign(one) != np.sign(final) for one in differences[-2:])
