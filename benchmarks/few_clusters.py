"""The interval that resampling clusters gives, and what widens it where they are few."""

import numpy as np
from scipy.special import ndtri, stdtrit

CONFIDENCE = 0.95


def interval(
    value: float, draws: np.ndarray, clusters: int, strata: int
) -> tuple[float, float] | tuple[None, None]:
    """Return the widened percentile interval of the resampled values `draws` [n] of `value`.

    None and None where no stratum has two clusters: there is nothing to resample.
    """
    if clusters <= strata:
        return None, None
    tail = (1 - CONFIDENCE) / 2
    widened = value + expansion(clusters, strata) * (draws - value)
    low, high = np.quantile(widened, [tail, 1 - tail])
    return float(low), float(high)


def expansion(clusters: int, strata: int) -> float:
    """Return what widens a percentile interval to the width that a t interval has with so few
    clusters.

    Source: Hesterberg, "What teachers should know about the bootstrap" (2015), section 3.2.
    """
    degrees = clusters - strata
    if degrees < 1:
        return 1.0
    upper = (1 + CONFIDENCE) / 2
    return float(stdtrit(degrees, upper) / ndtri(upper) * np.sqrt(clusters / degrees))
