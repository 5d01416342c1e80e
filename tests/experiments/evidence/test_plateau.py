"""The plateau rule on planted curves."""

from dataclasses import replace

import pytest

from experiments.evidence.collect import Gathered
from experiments.evidence.plateau import last_rise
from experiments.evidence.verdicts import judge_claims
from tests.experiments.planted_scores import METRIC, VALUES, gathered, row


def trained(last_rises: dict[str, float], allowed: float | None) -> Gathered:
    """Five seeds whose scores rose by this much between the last two token counts."""
    found = gathered(VALUES)
    for arm, rise in last_rises.items():
        for seed, value in enumerate(VALUES[arm]):
            found.curve += [row(arm, seed, value - rise, 400), row(arm, seed, value, 500)]
    return replace(found, plan=replace(found.plan, plateau=allowed))


def test_the_last_rise_is_the_mean_over_seeds_in_the_metrics_own_direction() -> None:
    curve = [row("a", 0, 0.25, 400), row("a", 0, 0.5, 500)]
    curve += [row("a", 1, 0.5, 500), row("a", 1, 0.5, 400)]
    assert last_rise(curve, "a", METRIC) == pytest.approx(0.125)
    lower = [replace(one, higher_is_better=False) for one in curve]
    assert last_rise(lower, "a", METRIC) == pytest.approx(-0.125)
    assert last_rise(curve[:1], "a", METRIC) is None
    assert last_rise(curve, "b", METRIC) is None


@pytest.mark.parametrize(
    ("rises", "allowed", "word"),
    [
        ({"control": 0.01, "fork": 0.01}, 0.02, "better"),
        ({"control": 0.01, "fork": 0.03}, 0.02, "still training"),
        ({"control": 0.03, "fork": 0.01}, 0.02, "still training"),
        ({"control": 0.03, "fork": 0.03}, None, "better"),
        ({}, 0.02, "still training"),
    ],
)
def test_a_claim_is_judged_once_both_arms_are_at_the_plateau_that_the_preset_states(
    rises: dict[str, float], allowed: float | None, word: str
) -> None:
    assert judge_claims(trained(rises, allowed))[0].seeds == word


def test_an_arm_that_is_merged_has_no_curve_and_nothing_to_settle() -> None:
    found = trained({"control": 0.01}, 0.02)
    assert judge_claims(found)[0].seeds == "still training"
    merged = {"tokens": 800, "tokens_before": 800}
    found.summaries = {("fork", seed): merged for seed in range(5)}
    assert judge_claims(found)[0].seeds == "better"
    found.summaries = {("fork", seed): {**merged, "tokens": 900} for seed in range(5)}
    assert judge_claims(found)[0].seeds == "still training"


def test_a_metric_without_a_curve_goes_by_its_tasks_first_headline() -> None:
    found = trained({"control": 0.03, "fork": 0.03}, 0.02)
    other = "dpg.overall"
    found.plan.suite["headline"]["generate"].append(other)
    found.final = [replace(one, metric=f"{other}@world") for one in found.final]
    claims = ({**found.plan.claims[0], "metric": other},)
    assert judge_claims(replace(found, plan=replace(found.plan, claims=claims)))[0].seeds == (
        "still training"
    )
