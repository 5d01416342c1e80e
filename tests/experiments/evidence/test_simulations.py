"""The statistics on made-up runs whose truth is known: how often are the intervals and words right?

The fast tests use few runs and a bound that allows for them; the slow ones use enough to hold the
rates to what is promised: coverage within two points, false verdicts at most five percent.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from experiments.evidence.collect import Gathered
from experiments.evidence.sequential import looks
from experiments.evidence.statistics import (
    BETTER,
    EQUIVALENT,
    WORSE,
    PairedItem,
    items_difference,
    seeds_difference,
)
from experiments.evidence.verdicts import judge_claims
from tests.experiments.planted_scores import CLAIM, gathered

MARGIN = 0.05
SPREAD = 0.02
"""Standard deviation of a difference over seeds, as suites of this size show it."""
PROMPTS = 300


def scores(random: np.random.Generator, effect: float, seeds: int) -> list[float]:
    """Per-seed differences: an effect of the architecture, luck of the seed, and of the prompts."""
    rates = np.clip(0.5 + effect + random.normal(0, SPREAD, seeds), 0, 1)
    ours = random.binomial(PROMPTS, rates) / PROMPTS
    return list(ours - random.binomial(PROMPTS, 0.5, seeds) / PROMPTS)


def suite(
    effects: Sequence[float], random: np.random.Generator, seeds: int, margin: float = MARGIN
) -> Gathered:
    """A claim an effect, each about an arm of its own."""
    values = {"control": [0.0] * seeds}
    values |= {f"arm{i}": scores(random, effect, seeds) for i, effect in enumerate(effects)}
    claims = [
        {**CLAIM, "id": f"{i}", "arm": f"arm{i}", "margin": margin} for i in range(len(effects))
    ]
    return gathered(values, *claims)


def is_false(word: str, effect: float) -> bool:
    """Whether a verdict is wrong about an effect: a difference that is none or has the other sign,
    or an equivalence of what lies at the margin."""
    wrong_sign = (word == BETTER and effect <= 0) or (word == WORSE and effect >= 0)
    return wrong_sign or (word == EQUIVALENT and abs(effect) >= MARGIN)


def false_rate(effects: Sequence[float], runs: int, seeds: int = 5) -> float:
    """The share of suites with any false verdict."""
    random = np.random.default_rng(17)
    wrong = 0
    for _ in range(runs):
        words = [one.seeds for one in judge_claims(suite(effects, random, seeds))]
        wrong += any(is_false(word, effect) for word, effect in zip(words, effects, strict=True))
    return wrong / runs


def coverage_over_seeds(seeds: int, runs: int) -> float:
    random = np.random.default_rng(7)
    found = [seeds_difference(scores(random, 0.03, seeds)) for _ in range(runs)]
    return float(np.mean([one.low <= 0.03 <= one.high for one in found]))


def coverage_over_items(clusters: int, runs: int) -> float:
    """Clusters of four binary items whose rate is the cluster's, at no true difference."""
    random = np.random.default_rng(5)
    hits = 0
    for _ in range(runs):
        rates = random.beta(1, 1, (2, clusters, 1))
        right = (random.random((2, clusters, 4)) < rates).astype(float)
        items = [
            PairedItem(f"{cluster}", "", difference)
            for cluster, row in enumerate(right[0] - right[1])
            for difference in row
        ]
        found = items_difference(items)
        hits += found.low <= 0.0 <= found.high
    return hits / runs


def peeking(runs: int, paid: bool, count: int = 4) -> float:
    """The share of null effects that one of `count` looks calls a difference."""
    random = np.random.default_rng(23)
    plan = list(islice(looks(), count))
    wrong = 0
    for _ in range(runs):
        found = suite([0.0], random, plan[-1][1], margin=1e-6)  # too small to be equivalent
        for look, seeds in plan:
            request = replace(found.plan.request, seeds=tuple(range(seeds)), look=look * paid)
            word = judge_claims(replace(found, plan=replace(found.plan, request=request)))[0].seeds
            if word in (BETTER, WORSE):
                wrong += 1
                break
    return wrong / runs


@pytest.mark.parametrize("seeds", [5, 10])
def test_intervals_over_seeds_cover_the_truth_at_their_nominal_rate(seeds: int) -> None:
    assert coverage_over_seeds(seeds, 1500) == pytest.approx(0.95, abs=0.02)


def test_intervals_over_items_cover_the_truth_at_their_nominal_rate() -> None:
    assert coverage_over_items(20, 300) == pytest.approx(0.95, abs=0.035)


def test_an_effect_of_the_architecture_is_found_and_none_is_not() -> None:
    random = np.random.default_rng(3)
    runs = [judge_claims(suite([0.15, 0.0], random, 5)) for _ in range(60)]
    found, null = ([one[index].seeds for one in runs] for index in (0, 1))
    assert found.count(BETTER) >= 55
    assert null.count(BETTER) + null.count(WORSE) <= 3


def test_a_suite_without_effects_has_a_false_verdict_as_rarely_as_promised() -> None:
    assert false_rate([0.0] * 5, runs=200) <= 0.08


def test_effects_at_the_margin_are_called_equivalent_as_rarely_as_promised() -> None:
    assert false_rate([0.0, 0.0, MARGIN, MARGIN], runs=200) <= 0.08


def test_looking_again_costs_what_it_must() -> None:
    assert peeking(100, paid=True) <= 0.08 < peeking(100, paid=False)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [5, 10])
def test_intervals_over_seeds_cover_within_two_points_in_many_runs(seeds: int) -> None:
    assert coverage_over_seeds(seeds, 20_000) == pytest.approx(0.95, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("clusters", [12, 40])
def test_intervals_over_items_cover_within_two_points_in_many_runs(clusters: int) -> None:
    assert coverage_over_items(clusters, 3000) == pytest.approx(0.95, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("effects", [(0.0,) * 5, (0.0, 0.0, 0.0, MARGIN, MARGIN), (MARGIN,) * 5])
def test_suites_have_a_false_verdict_in_at_most_five_percent_of_many_runs(
    effects: tuple[float, ...],
) -> None:
    assert false_rate(effects, runs=5000) <= 0.05


@pytest.mark.slow
def test_peeking_finds_nothing_in_noise_in_at_most_five_percent_of_many_runs() -> None:
    assert peeking(5000, paid=True, count=5) <= 0.05
