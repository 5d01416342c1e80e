"""Verdicts on planted scores: what is better, what is barred, and what is only description."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.evidence.power import minimum_detectable_effect, seeds_needed
from experiments.evidence.scores import pareto_order, standings
from experiments.evidence.statistics import equivalence_p
from experiments.evidence.verdicts import judge_claims
from tests.experiments.planted_scores import CLAIM, METRIC, NAME, VALUES, add_items, gathered, row


def test_five_seeds_that_agree_give_a_verdict_on_the_architecture() -> None:
    verdict = judge_claims(gathered(VALUES))[0]
    assert verdict.seeds == "better"
    assert verdict.by_seeds is not None
    assert verdict.by_seeds.p_value < 0.001


def test_a_model_is_not_compared_with_itself_and_counts_nowhere() -> None:
    other = {**CLAIM, "id": "two", "arm": "twin"}
    found = gathered({**VALUES, "twin": VALUES["control"]}, CLAIM, other)
    alone = judge_claims(gathered(VALUES))[0]
    named = {"control": "train-1", "twin": "train-1", "fork": "train-2"}
    cells = (replace(one, steps={"train": named[one.arm]}) for one in found.plan.cells)
    found.plan = replace(found.plan, cells=tuple(cells))
    judged, twin = judge_claims(found)
    assert (twin.items, twin.seeds) == ("one model", "one model")
    assert judged.by_seeds.p_value == alone.by_seeds.p_value


def test_the_same_scores_the_other_way_round_are_worse() -> None:
    claim = {**CLAIM, "arm": "control", "against": "fork"}
    assert judge_claims(gathered(VALUES, claim))[0].seeds == "worse"


def test_four_seeds_have_no_p_value_and_say_how_many_are_needed() -> None:
    few = {arm: values[:4] for arm, values in VALUES.items()}
    verdict = judge_claims(gathered(few))[0]
    assert verdict.seeds == "undecided: seeds"
    assert verdict.by_seeds is None
    assert verdict.seeds_needed is not None
    assert verdict.minimum_detectable is not None


def test_equal_arms_are_equivalent() -> None:
    near = {"control": VALUES["control"], "fork": [v + 0.001 for v in VALUES["control"]]}
    near["fork"][0] -= 0.004
    assert judge_claims(gathered(near))[0].seeds == "equivalent"


def test_a_claim_of_not_being_inferior_needs_no_upper_end() -> None:
    # differences -0.01, 0.11, 0.05, -0.02, 0.06: too spread for better and for equivalent
    near = {"control": [0.5] * 5, "fork": [0.49, 0.61, 0.55, 0.48, 0.56]}
    assert judge_claims(gathered(near))[0].seeds == "undecided"
    claim = {**CLAIM, "test": "not_inferior"}
    assert judge_claims(gathered(near, claim))[0].seeds == "not inferior"
    lower = {"control": [0.5] * 5, "fork": [0.3, 0.31, 0.3, 0.29, 0.3]}
    assert judge_claims(gathered(lower, claim))[0].seeds == "worse"


@pytest.mark.parametrize(
    ("floor", "ceiling", "test", "word"),
    [
        (0.0, 1.0, "not_inferior", "not inferior"),
        (0.46, 1.0, "not_inferior", "at the floor"),
        (0.44, 1.0, "not_inferior", "not inferior"),
        (0.0, 0.53, "difference", "at the ceiling"),
        (0.0, 0.56, "difference", "equivalent"),
    ],
)
def test_likeness_says_nothing_where_both_arms_are_at_the_floor_or_the_ceiling(
    floor: float, ceiling: float, test: str, word: str
) -> None:
    near = {"control": [0.5, 0.501, 0.499, 0.5, 0.502], "fork": [0.5, 0.5, 0.501, 0.499, 0.5]}
    found = gathered(near, {**CLAIM, "test": test, "margin": 0.05})
    found.brackets = [row("floor", 0, floor), row("ceiling", 0, ceiling)]
    assert judge_claims(found)[0].seeds == word
    falls = [replace(one, higher_is_better=False) for one in found.brackets]
    found.brackets, found.final = (
        falls,
        [replace(one, higher_is_better=False) for one in found.final],
    )
    assert judge_claims(found)[0].seeds not in ("at the floor", "at the ceiling")


def test_one_arm_that_leaves_the_floor_is_enough() -> None:
    found = gathered(VALUES)
    found.brackets = [row("floor", 0, 0.49)]
    assert judge_claims(found)[0].seeds == "better"


def test_items_decide_about_these_checkpoints(tmp_path: Path) -> None:
    found = gathered({"control": [0.25], "fork": [0.75]})
    add_items(found, tmp_path, "control", [1, 0, 0, 0] * 20)
    add_items(found, tmp_path, "fork", [1, 1, 1, 0] * 20)
    verdict = judge_claims(found)[0]
    assert (verdict.items, verdict.seeds) == ("better", "undecided: seeds")
    assert verdict.by_items.value == pytest.approx(0.5)
    assert verdict.text == "undecided: seeds (these checkpoints: better)"


def test_items_of_a_claim_of_not_being_inferior_are_tested_one_sided(tmp_path: Path) -> None:
    # ten items of 80 differ: the arm is ahead by about 0.1, by far too spread to be equivalent
    claim = {**CLAIM, "test": "not_inferior", "margin": 0.1}
    found = gathered({"control": [0.5], "fork": [0.55]}, claim)
    add_items(found, tmp_path, "control", [1, 0] * 40)
    add_items(found, tmp_path, "fork", [1, 0] * 32 + [1, 1] * 6 + [0, 0] * 2)
    assert judge_claims(found)[0].items == "not inferior"


def test_items_are_weighed_as_the_protocol_weighs_their_groups(tmp_path: Path) -> None:
    # strata a and b weigh 3 to 1, as WISE's groups do: 0.75 * 0.5 + 0.25 * 1 and 0.75 + 0.25 * 0
    found = gathered({"control": [0.625], "fork": [0.75]})
    found.protocols["{}"] = {"group_weights": {"a": 0.6, "b": 0.2}}
    for arm, right in (("control", [1, 0, 1, 1, 1, 1]), ("fork", [1, 1, 0, 0, 0, 0])):
        lines = [
            {"name": f"{i}", "cluster": f"{i}", "stratum": "a" if i < 2 else "b", "value": value}
            for i, value in enumerate(right)
        ]
        path = tmp_path / f"{arm}.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        found.items[arm, 0, "geneval"] = path
    verdict = judge_claims(found)[0]
    assert verdict.by_items is not None
    assert verdict.by_items.value == pytest.approx(0.125)


def test_items_that_do_not_reproduce_the_recorded_score_give_no_verdict(tmp_path: Path) -> None:
    found = gathered({"control": [0.25], "fork": [0.9]})
    add_items(found, tmp_path, "control", [1, 0, 0, 0] * 20)
    add_items(found, tmp_path, "fork", [1, 1, 1, 0] * 20)
    assert judge_claims(found)[0].items == "no items"


def test_a_precondition_that_does_not_hold_bars_the_verdict() -> None:
    values = {**VALUES, "alone": [v - 0.1 for v in VALUES["control"]]}
    condition = {"arm": "alone", "against": "control", "metric": METRIC}
    claim = {**CLAIM, "precondition": condition}
    assert judge_claims(gathered(values, claim))[0].seeds == "precondition absent"
    values["alone"] = [v + 0.1 + 0.001 * i for i, v in enumerate(VALUES["control"])]
    assert judge_claims(gathered(values, claim))[0].seeds == "better"


def test_a_precondition_has_to_hold_clearly_and_not_on_average_alone() -> None:
    # 0.1 on average, from -0.2 to 0.4: the 95% interval reaches below zero
    alone = [v + e for v, e in zip(VALUES["control"], (0.4, -0.2, 0.1, 0.3, -0.1), strict=True)]
    condition = {"arm": "alone", "against": "control", "metric": METRIC}
    found = gathered({**VALUES, "alone": alone}, {**CLAIM, "precondition": condition})
    assert judge_claims(found)[0].seeds == "precondition absent"


def test_a_sign_that_has_not_settled_is_still_training() -> None:
    found = gathered(VALUES)
    for tokens, fork in ((100, 0.4), (200, 0.45), (300, 0.6)):
        for seed in range(5):
            found.curve.append(row("control", seed, 0.5, tokens))
            found.curve.append(row("fork", seed, fork, tokens))
    assert judge_claims(found)[0].seeds == "still training"


def test_the_sign_that_has_to_settle_is_that_of_the_mean_over_seeds() -> None:
    found = gathered({"control": [0.5] * 5, "fork": [0.4, 0.7, 0.7, 0.7, 0.7]})
    for tokens in (100, 200):
        found.curve += [row("control", 0, 0.5, tokens), row("fork", 0, 0.6, tokens)]
    assert judge_claims(found)[0].seeds == "undecided"


def test_a_task_that_another_model_solves_gets_no_verdict() -> None:
    assert judge_claims(gathered(VALUES, inherits=("generate",)))[0].seeds == "inherited"
    turned = {**CLAIM, "arm": "control", "against": "fork"}
    assert judge_claims(gathered(VALUES, turned, inherits=("generate",)))[0].seeds == "worse"


def test_an_arm_is_judged_on_the_task_that_it_does_itself() -> None:
    """The bridge inherits understanding; its drawing is its own."""
    assert judge_claims(gathered(VALUES, inherits=("understand",)))[0].seeds == "better"


def test_an_inherited_claim_takes_nothing_of_the_error_rate() -> None:
    other = {**CLAIM, "id": "two", "arm": "control", "against": "fork"}
    alone = judge_claims(gathered(VALUES, other))[0]
    beside = judge_claims(gathered(VALUES, CLAIM, other, inherits=("generate",)))[1]
    assert beside.by_seeds.p_value == pytest.approx(alone.by_seeds.p_value)


def test_an_inherited_claim_shows_no_p_value() -> None:
    found = gathered(VALUES, CLAIM, inherits=("generate",))
    verdict = judge_claims(found)[0]
    assert verdict.by_seeds.value == pytest.approx(0.204)
    assert (verdict.by_seeds.p_value, verdict.equivalence_p) == (None, None)
    (fork,) = (one for one in standings(found) if one.arm == "fork")
    assert fork.scores[NAME].p_value is None


def test_a_metric_belongs_to_the_task_of_its_benchmark_whatever_its_part() -> None:
    part = "geneval.colors"
    found = gathered(VALUES, {**CLAIM, "metric": part}, inherits=("generate",))
    found.final = [replace(one, metric=f"{part}@world") for one in found.final]
    assert judge_claims(found)[0].seeds == "inherited"


def test_an_arm_that_was_not_run_is_said_to_be_so() -> None:
    assert judge_claims(gathered({"control": [0.5]}))[0].seeds == "not run"


def test_claims_of_a_suite_share_one_error_rate() -> None:
    values = {**VALUES, "fork": [0.60, 0.53, 0.50, 0.57, 0.58]}
    one = judge_claims(gathered(values))[0]
    many = judge_claims(gathered(values, *({**CLAIM, "id": f"{i}"} for i in range(4))))[0]
    assert many.by_seeds.p_value == pytest.approx(4 * one.by_seeds.p_value)
    assert (one.seeds, many.seeds) == ("better", "undecided")
    differences = [0.10, 0.02, 0.01, 0.07, 0.06]
    assert one.equivalence_p == pytest.approx(equivalence_p(differences, 0.05))
    assert many.equivalence_p == pytest.approx(min(1.0, 4 * one.equivalence_p))


def test_power_is_told_for_the_spread_the_seeds_and_the_margin_of_the_claim() -> None:
    values = {"control": [0.5] * 6, "fork": [0.58, 0.50, 0.54, 0.52, 0.56, 0.54]}
    one = judge_claims(gathered(values, {**CLAIM, "margin": 0.03}))[0]
    # differences 0.08, 0, 0.04, 0.02, 0.06, 0.04: mean 0.04, squares 40e-4 over 5 degrees
    assert one.deviation == pytest.approx(0.0008**0.5)
    assert one.minimum_detectable == pytest.approx(minimum_detectable_effect(0.0008**0.5, 6))
    assert one.seeds_needed == seeds_needed(0.0008**0.5, 0.03)


def test_a_claim_whose_arms_were_not_run_counts_all_the_same() -> None:
    alone = judge_claims(gathered(VALUES))[0]
    beside, not_run = judge_claims(gathered(VALUES, CLAIM, {**CLAIM, "id": "two", "arm": "gone"}))
    assert not_run.seeds == "not run"
    assert beside.by_seeds.p_value == pytest.approx(2 * alone.by_seeds.p_value)


def test_a_verdict_stands_beside_the_difference_to_the_control_or_names_its_opponent() -> None:
    values = {**VALUES, "alone": [0.2, 0.21, 0.19, 0.2, 0.22]}
    other = {**CLAIM, "id": "two", "against": "alone"}
    (fork,) = (one for one in standings(gathered(values, other)) if one.arm == "fork")
    assert fork.scores[NAME].verdict.startswith("against alone: better")
    (fork,) = (one for one in standings(gathered(values, other, CLAIM)) if one.arm == "fork")
    assert fork.scores[NAME].verdict.startswith("better")
    assert fork.scores[NAME].delta == pytest.approx(0.204)


def test_arms_stand_in_the_order_of_their_pareto_fronts() -> None:
    found = gathered({"low": [0.2], "control": [0.5], "high": [0.9]})
    assert [one.arm for one in standings(found)] == ["high", "control", "low"]


def test_arms_that_trade_one_task_for_the_other_share_a_front() -> None:
    found = gathered({"reads": [0.2], "draws": [0.9], "worst": [0.1]})
    found.plan.suite["headline"]["understand"] = ["vqa.overall"]
    for arm, value in (("reads", 0.9), ("draws", 0.2), ("worst", 0.1)):
        found.final.append(row(arm, 0, value, name="vqa.overall@world"))
    found.plan.suite["control"] = "reads"
    order = [one.arm for one in standings(found)]
    assert order == ["reads", "draws", "worst"]
    assert pareto_order([], {}) == []
