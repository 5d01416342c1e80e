"""What an interval of few clusters has to be widened by."""

import numpy as np
from scipy import stats

from benchmarks.results import CONFIDENCE


def expansion(clusters: int, strata: int) -> float:
    """Return what widens a percentile interval to the width that a t interval has with so few
    clusters.

    Source: Hesterberg, "What teachers should know about the bootstrap" (2015), section 3.2.
    """
    degrees = clusters - strata
    if degrees < 1:
        return 1.0
    upper = (1 + CONFIDENCE) / 2
    return float(stats.t.ppf(upper, degrees) / stats.norm.ppf(upper) * np.sqrt(clusters / degrees))
