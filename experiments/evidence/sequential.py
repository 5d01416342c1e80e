"""Looking more than once: how many seeds each look has, and what error rate it may spend.

A verdict that is asked for again after every few seeds finds a difference in noise sooner or later.
So the looks stand beforehand, each has a share of ALPHA of its own, and all shares together make no
more than the whole: whatever the number of looks, the chance of a false verdict at any of them is
at most ALPHA. This is error spending (Lan and DeMets, 1983) by the union bound, which holds for any
test that is valid at one look, so also for two one-sided tests and for Holm over many claims.
"""

from collections.abc import Iterator
from itertools import count

from experiments.evidence.statistics import MINIMUM_SEEDS

GROWTH = 1.4
"""By what factor the seeds grow from look to look, at least."""


def looks() -> Iterator[tuple[int, int]]:
    """Number of the look, from 1, and its seeds; without end."""
    seeds = MINIMUM_SEEDS
    for look in count(1):
        yield look, seeds
        seeds = round(GROWTH * seeds)


def share(look: int) -> float:
    """What look number `look` may spend of ALPHA; the only look of a test with one (0) has it all.

    1/2, 1/6, 1/12, …: they fall slowly and sum to 1.
    """
    return 1.0 if look == 0 else 1.0 / (look * (look + 1))
