"""VQA by kind: which scores are above chance by more than their interval."""

from dataclasses import replace

from experiments.evidence.collect import Gathered
from experiments.evidence.kinds import kind_metrics, kind_table
from experiments.evidence.scores import standings
from experiments.reporting.leaderboard import kinds_markdown
from tests.experiments.planted_scores import gathered, row


def answers() -> Gathered:
    """Two arms on two kinds, and what one fixed answer gets: 0.5 of existence, 0.3 of count."""
    found = gathered({"control": [0.5], "fork": [0.6]})
    found.summaries = {(arm, 0): {} for arm in ("control", "fork")}
    scores = {
        ("control", "existence"): (0.55, 0.49),  # its interval reaches down to chance
        ("fork", "existence"): (0.62, 0.51),
        ("control", "count"): (0.40, 0.31),
        ("fork", "count"): (0.35, 0.30),  # just at chance is not above it
    }
    for (arm, kind), (value, low) in scores.items():
        one = row(arm, 0, value, name=f"vqa.{kind}@world")
        found.final.append(replace(one, ci_low=low, ci_high=2 * value - low))
    found.final.append(row("control", 0, 0.9, name="vqa.count.seen@world"))
    for kind, value in (("existence", 0.5), ("count", 0.3)):
        found.brackets.append(row("chance", 0, value, name=f"vqa.{kind}@world"))
    found.plan.suite["headline"]["understand"] = ["vqa.existence"]
    return found


def test_a_kind_is_above_chance_only_with_its_whole_interval() -> None:
    found = answers()
    assert list(kind_metrics(found)) == ["existence", "count"]
    table = {one.arm: one for one in kind_table(found, standings(found))}
    assert {kind: one.above for kind, one in table["control"].scores.items()} == {
        "existence": False,
        "count": True,
    }
    assert {kind: one.above for kind, one in table["fork"].scores.items()} == {
        "existence": True,
        "count": False,
    }
    assert table["chance"].is_bracket
    assert table["chance"].scores["count"].score.value == 0.3


def test_the_kinds_are_those_of_answers_alone_and_their_sum_is_none() -> None:
    found = answers()
    found.final.append(row("control", 0, 0.5, name="vqa.overall@world"))
    found.final.append(row("control", 0, 0.5, name="wise.culture@world"))
    assert list(kind_metrics(found)) == ["existence", "count"]


def test_where_chance_is_not_known_no_score_is_marked() -> None:
    found = answers()
    found.brackets.clear()
    (page,) = kinds_markdown(found, standings(found))
    assert "≤ |" not in page


def test_the_markdown_marks_what_chance_could_have_made() -> None:
    found = answers()
    (page,) = kinds_markdown(found, standings(found))
    assert "| fork | 0.620 [0.510, 0.730] | 0.350 [0.300, 0.400] ≤ |" in page
    assert "| chance | 0.500 | 0.300 |" in page


def test_a_suite_without_answers_has_no_such_table() -> None:
    found = gathered({"control": [0.5]})
    assert kinds_markdown(found, standings(found)) == []


def test_a_kind_of_fewer_seeds_than_its_arm_says_of_how_many() -> None:
    found = gathered({"control": [0.5, 0.6]})
    found.summaries = {("control", seed): {} for seed in (0, 1)}
    for seed, kind in ((0, "existence"), (1, "existence"), (0, "count")):
        found.final.append(row("control", seed, 0.5, name=f"vqa.{kind}@world"))
    (table,) = kinds_markdown(found, standings(found))
    (line,) = (one for one in table.splitlines() if "control" in one)
    assert line == "| control | 0.500 [0.500, 0.500] | 0.500 (1 seed) |"
