"""Shares and kappa, worked out by hand."""

import pytest

from experiments.auditing.agreement import kappa, share


def test_a_share_has_wilsons_interval_which_holds_at_the_edge() -> None:
    score = share([True] * 8 + [False] * 2)
    assert score is not None
    assert (score.value, score.ci_low, score.ci_high) == pytest.approx(
        (0.8, 0.4902, 0.9433), abs=1e-4
    )
    whole = share([True] * 10)
    assert whole is not None
    assert whole.ci_low == pytest.approx(0.7225, abs=1e-4)
    assert share([]) is None


def test_kappa_of_a_table_worked_out_by_hand() -> None:
    """20 both right, 5 only the first, 10 only the second, 15 neither: 0.7 agree, 0.5 by chance."""
    first = [True] * 25 + [False] * 25
    second = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15
    score = kappa(first, second)
    assert score is not None
    assert score.value == pytest.approx(0.4)
    assert score.ci_low is not None
    assert score.ci_low < 0.4 < (score.ci_high or 0)
    assert kappa([True, True], [True, True]) is None
