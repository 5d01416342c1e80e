"""Looks and what they may spend; that peeking is paid for stands in test_simulations.py."""

from itertools import islice

import pytest

from experiments.evidence.sequential import looks, share
from experiments.evidence.statistics import MINIMUM_SEEDS


def test_looks_start_with_the_fewest_seeds_and_grow() -> None:
    # 5, then 1.4 times as many, rounded: 7, 9.8, 14, 19.6
    assert list(islice(looks(), 5)) == [(1, MINIMUM_SEEDS), (2, 7), (3, 10), (4, 14), (5, 20)]


def test_all_looks_together_spend_the_whole_rate_and_no_more() -> None:
    assert [share(look) for look in (1, 2, 3)] == pytest.approx([1 / 2, 1 / 6, 1 / 12])
    assert sum(share(look) for look in range(1, 10_000)) == pytest.approx(1.0, abs=1e-3)
    assert sum(share(look) for look in range(1, 10_000)) < 1.0


def test_the_one_look_of_an_ablation_has_it_all() -> None:
    assert share(0) == 1.0
