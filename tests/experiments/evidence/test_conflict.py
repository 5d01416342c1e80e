"""The conflict index: control minus shared by task, and what is said where it is not above zero."""

import pytest

from experiments.evidence.collect import Gathered
from experiments.evidence.conflict import conflict_statement, conflicts
from tests.experiments.planted_scores import CLAIM, METRIC, gathered

SHARED = [0.50, 0.51, 0.49, 0.50, 0.52]


def suite(alone: list[float]) -> Gathered:
    """Five seeds of the control arm and of the trunk that draws alone."""
    condition = {"arm": "alone", "against": "control", "metric": METRIC}
    values = {"control": SHARED, "alone": alone, "fork": SHARED}
    found = gathered(values, {**CLAIM, "precondition": condition}, {**CLAIM, "id": "two"})
    for arm, tokens in (("control", 3_000_000), ("alone", 3_000_000)):
        for seed in range(5):
            found.summaries[arm, seed] = {"tokens_by_task": {"generate": tokens}}
    return found


def test_a_conflict_is_the_controls_lead_with_its_interval() -> None:
    (index,) = conflicts(suite([value + 0.1 for value in SHARED]))
    assert index.is_clear
    assert index.difference is not None
    assert index.difference.value == pytest.approx(0.1)
    statement = conflict_statement([index])
    assert "drawing +0.100 [+0.100, +0.100] (alone minus control, geneval.overall" in statement
    assert "3.00 M tokens of the task each" in statement
    assert "no conflict" not in statement


def test_where_the_lead_may_be_nothing_there_is_no_conflict_to_resolve() -> None:
    # differences -0.02, 0.02, -0.01, 0.01, 0.01: the interval holds zero
    alone = [0.48, 0.53, 0.48, 0.51, 0.53]
    (index,) = conflicts(suite(alone))
    assert not index.is_clear
    assert conflict_statement([index]).endswith(
        "For drawing, there is no conflict to resolve at this setting."
    )


def test_unequal_tokens_and_a_missing_control_are_said() -> None:
    found = suite(SHARED)
    found.summaries["alone", 0] = {"tokens_by_task": {"generate": 8_000_000}}
    assert "at unequal tokens of the task: 4.00 M and 3.00 M" in conflicts(found)[0].text
    found.final = [row for row in found.final if row.arm != "alone"]
    statement = conflict_statement(conflicts(found))
    assert "not measured (alone or control has no geneval.overall)" in statement
    assert "no conflict" not in statement


def test_a_suite_without_preconditions_states_nothing() -> None:
    assert conflict_statement(conflicts(gathered({"control": [0.5]}))) == ""
