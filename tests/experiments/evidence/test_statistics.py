"""Tests against scipy, hand-worked cases and planted truths."""

import numpy as np
import pytest
from scipy import stats

from benchmarks.few_clusters import expansion
from experiments.evidence import statistics
from experiments.evidence.power import (
    POWER,
    minimum_detectable_effect,
    power_of_paired_t,
    seeds_needed,
)
from experiments.evidence.statistics import (
    Difference,
    PairedItem,
    equivalence_p,
    holm,
    items_difference,
    mean_difference,
    not_inferior_p,
    one_sided_word,
    resampled_means,
    seeds_difference,
    still_training,
    verdict,
    word,
)


def test_the_seeds_p_value_and_interval_are_those_of_scipys_paired_t_test() -> None:
    ours = [0.61, 0.58, 0.66, 0.60, 0.63]
    theirs = [0.55, 0.57, 0.58, 0.59, 0.56]
    found = seeds_difference(np.subtract(ours, theirs))
    test = stats.ttest_rel(ours, theirs)
    interval, inner = (test.confidence_interval(level) for level in (0.95, 0.90))
    assert found.p_value == pytest.approx(test.pvalue)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert (found.inner_low, found.inner_high) == pytest.approx((inner.low, inner.high))


def test_the_inner_interval_decides_as_two_one_sided_t_tests() -> None:
    differences = np.array([0.01, -0.02, 0.015, 0.0, 0.005, -0.01])
    margin = 0.02
    lower = stats.ttest_1samp(differences, -margin, alternative="greater").pvalue
    upper = stats.ttest_1samp(differences, margin, alternative="less").pvalue
    assert max(lower, upper) < 0.05
    assert equivalence_p(differences, margin) == pytest.approx(max(lower, upper))
    assert verdict(seeds_difference(differences), margin) == statistics.EQUIVALENT
    assert verdict(seeds_difference(differences), margin / 4) == statistics.UNDECIDED


def test_holm_matches_a_case_worked_by_hand() -> None:
    adjusted = holm([[0.01], [0.04], [0.03], [0.005]])
    assert [one for (one,) in adjusted] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []
    assert holm([[0.6], [0.9]]) == [[1.0], [1.0]]


def test_a_claim_leaves_the_family_once_both_of_its_hypotheses_are_tested() -> None:
    # in order: .001 and .004 of the first claim (times 2 each), .02 of the second (times 1), .3
    adjusted = holm([[0.001, 0.004], [0.3, 0.02]])
    assert [*adjusted[0], *adjusted[1]] == pytest.approx([0.002, 0.008, 0.3, 0.02])


def test_a_claim_without_hypotheses_widens_nothing_and_an_untested_one_does() -> None:
    assert holm([[0.02, 0.9], ()]) == [[0.02, 0.9], []]
    assert holm([[0.02, 0.9], [1.0, 1.0]])[0] == pytest.approx([0.04, 1.0])


def test_a_difference_beyond_the_margin_is_better_or_worse_by_its_sign() -> None:
    assert verdict(Difference(0.2, 0.1, 0.3, 0.12, 0.28), 0.05) == statistics.BETTER
    assert verdict(Difference(-0.2, -0.3, -0.1, -0.28, -0.12), 0.05) == statistics.WORSE
    assert verdict(Difference(0.2, -0.1, 0.5, -0.05, 0.45), 0.05) == statistics.UNDECIDED
    assert word(0.2, is_different=False, is_equivalent=False) == statistics.UNDECIDED
    assert word(0.01, is_different=True, is_equivalent=True) == statistics.EQUIVALENT


def test_strata_weigh_as_they_are_told_and_by_size_otherwise() -> None:
    items = [PairedItem("a", "one", 1.0)] + [PairedItem(f"b{i}", "many", 0.0) for i in range(9)]
    assert mean_difference(items, {"one": 1.0, "many": 1.0}) == pytest.approx(0.5)
    assert mean_difference(items) == pytest.approx(0.1)
    # 0.3 and 0.9 of a whole of 1.2: a stratum that does not occur counts for nothing
    weights = {"one": 0.3, "many": 0.9, "none": 5.0}
    assert mean_difference(items, weights) == pytest.approx(0.25)
    assert items_difference(items, weights).value == pytest.approx(0.25)


def test_a_stratum_moves_the_interval_by_its_weight_and_its_clusters_are_its_own() -> None:
    """Ten clusters of 0 and 1 at a quarter of the weight; ten that never vary, named alike."""
    varied = [PairedItem(f"{i}", "varied", float(i % 2)) for i in range(10)]
    level = [PairedItem(f"{i}", "level", 0.5) for i in range(10)]
    alone = items_difference(varied)
    both = items_difference(varied + level, {"varied": 1.0, "level": 3.0})
    wider = expansion(20, 2) / expansion(10, 1)
    assert both.high - both.low == pytest.approx((alone.high - alone.low) * wider / 4)


def test_a_large_cluster_counts_as_often_as_it_has_items() -> None:
    # clusters a of 1 and b of 0, 0, 0: drawn are both of a, one of each, or both of b
    means = resampled_means(
        np.array([1.0, 0.0, 0.0, 0.0]), ["a", "b", "b", "b"], np.random.default_rng(0)
    )
    assert set(means.tolist()) == {1.0, 0.25, 0.0}


def test_items_that_repeat_within_clusters_do_not_narrow_the_interval() -> None:
    random = np.random.default_rng(3)
    values = random.normal(size=40)
    single = [PairedItem(f"{i}", "", value) for i, value in enumerate(values)]
    repeated = [item for item in single for _ in range(5)]
    one, many = (items_difference(items) for items in (single, repeated))
    assert many.high - many.low == pytest.approx(one.high - one.low, rel=0.05)


def test_the_bootstrap_agrees_with_the_normal_interval_on_many_independent_items() -> None:
    values = np.random.default_rng(5).normal(0.1, 1.0, size=2000)
    items = [PairedItem(f"{i}", "", value) for i, value in enumerate(values)]
    found = items_difference(items)
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert found.high - found.value == pytest.approx(half, rel=0.08)
    assert found.inner_high - found.value == pytest.approx(half * 1.645 / 1.96, rel=0.08)
    assert found.value - found.inner_low == pytest.approx(half * 1.645 / 1.96, rel=0.08)


def test_no_items_is_an_error() -> None:
    with pytest.raises(ValueError, match="items must hold at least one pair"):
        items_difference([])


def test_power_matches_simulation_and_the_detectable_effect_has_the_stated_power() -> None:
    runs = np.random.default_rng(13).normal(0.05, 0.04, size=(4000, 6))
    simulated = np.mean(stats.ttest_1samp(runs, 0.0, axis=1).pvalue < 0.05)
    assert power_of_paired_t(0.05, 0.04, 6) == pytest.approx(simulated, abs=0.03)
    effect = minimum_detectable_effect(0.04, 6)
    assert power_of_paired_t(effect, 0.04, 6) == pytest.approx(POWER, abs=1e-6)
    assert minimum_detectable_effect(0.0, 6) == 0.0


def test_the_seeds_needed_are_the_fewest_with_enough_power() -> None:
    count = seeds_needed(0.04, 0.03)
    assert count is not None
    assert power_of_paired_t(0.03, 0.04, count) >= POWER
    assert power_of_paired_t(0.03, 0.04, count - 1) < POWER
    assert seeds_needed(1.0, 1e-6) is None


def test_the_equivalence_of_identical_seeds_is_certain_either_way() -> None:
    assert equivalence_p([0.01] * 5, 0.05) == 0.0
    assert equivalence_p([0.06] * 5, 0.05) == 1.0
    assert equivalence_p([0.25] * 5, 0.25) == 1.0  # at the margin is not inside it


def test_not_being_inferior_is_a_one_sided_test_against_minus_the_margin() -> None:
    differences, margin = [0.01, -0.02, 0.015, 0.0, 0.005, -0.01], 0.03
    expected = stats.ttest_1samp(differences, -margin, alternative="greater").pvalue
    assert not_inferior_p(differences, margin) == pytest.approx(expected)
    assert not_inferior_p([-0.03] * 5, margin) == 1.0
    assert verdict(Difference(0.2, -0.1, 0.5, -0.04, 0.44), 0.05, is_one_sided=True) == (
        statistics.NOT_INFERIOR
    )
    assert verdict(Difference(0.2, -0.1, 0.5, -0.06, 0.46), 0.05, is_one_sided=True) == (
        statistics.UNDECIDED
    )
    assert one_sided_word(0.2, is_different=True, is_not_inferior=True) == statistics.BETTER
    assert one_sided_word(-0.2, is_different=True, is_not_inferior=False) == statistics.WORSE


def test_few_clusters_widen_the_interval_as_students_t_does() -> None:
    # 10 clusters in one stratum: t of 9 degrees is 2.262157, so 2.262157/1.959964 * sqrt(10/9)
    assert expansion(10, 1) == pytest.approx(1.216619, rel=1e-5)
    assert expansion(5000, 1) == pytest.approx(1.0, abs=1e-3)
    assert expansion(3, 3) == 1.0


def test_identical_seeds_have_a_point_for_an_interval() -> None:
    assert seeds_difference([0.1] * 5).p_value == 0.0
    assert seeds_difference([0.0] * 5) == Difference(0.0, 0.0, 0.0, 0.0, 0.0, 1.0)


def test_a_sign_that_flips_at_the_last_two_counts_is_still_training() -> None:
    assert still_training([0.1, 0.1, -0.1, 0.1], 0.1)
    assert not still_training([-0.1, -0.1, 0.1, 0.1], 0.1)
    assert not still_training([], 0.1)
