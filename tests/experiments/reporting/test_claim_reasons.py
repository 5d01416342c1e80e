"""A claim without a verdict says why."""

from pathlib import Path

import pytest

from experiments.evidence.verdicts import judge_claims
from experiments.reporting.claim_reasons import claim_reason
from tests.experiments.planted_scores import CLAIM, METRIC, VALUES, add_items, gathered, row

CONDITION = {"arm": "alone", "against": "control", "metric": METRIC}


def reason(values: dict[str, list[float]], claim: dict, **changes: tuple) -> str:
    found = gathered(values, claim, **changes)
    return claim_reason(found, judge_claims(found)[0])


def test_what_has_a_verdict_needs_no_reason(tmp_path: Path) -> None:
    found = gathered({"control": [0.25], "fork": [0.75]})
    add_items(found, tmp_path, "control", [1, 0, 0, 0] * 20)
    add_items(found, tmp_path, "fork", [1, 1, 1, 0] * 20)
    assert claim_reason(found, judge_claims(found)[0]) == ""


def test_scores_without_their_items_say_so() -> None:
    told = "The scored items are not at hand, or do not add up to the scores."
    assert reason(VALUES, CLAIM) == told


def test_a_measure_without_room_says_at_which_end_it_has_none() -> None:
    found = gathered(VALUES, CLAIM)
    found.brackets = [row("floor", 0, 0.7)]
    told = claim_reason(found, judge_claims(found)[0])
    assert told == "Both arms lie within the margin of the floor: no difference could show."


def test_an_absent_precondition_is_shown_with_what_was_measured() -> None:
    values = {**VALUES, "alone": [value - 0.1 for value in VALUES["control"]]}
    told = reason(values, {**CLAIM, "precondition": CONDITION})
    assert told == (
        f"Presupposes that alone is above control on {METRIC}: -0.100 [-0.100, -0.100]."
    )


@pytest.mark.parametrize(
    ("values", "changes", "told"),
    [
        (VALUES, {"inherits": ("generate",)}, "Another model solves this task for the arm"),
        ({**VALUES, "fork": [0.7, 0.7]}, {}, "Without a score: fork, seed 2; fork, seed 3; fork"),
    ],
)
def test_a_claim_that_cannot_be_judged_says_what_is_in_the_way(
    values: dict[str, list[float]], changes: dict, told: str
) -> None:
    assert reason(values, CLAIM, **changes).startswith(told)
