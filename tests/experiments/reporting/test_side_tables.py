"""The report's small tables: how far two judges agree, and what of the facts is drawn."""

from experiments.reporting.side_tables import JUDGES, KNOWLEDGE, side_rows
from tests.experiments.planted_scores import gathered, row


def test_an_arm_has_its_agreement_beside_both_judges_scores() -> None:
    found = gathered({"control": [0.5, 0.7], "reader": []})
    for seed, agreed in enumerate((0.9, 0.8)):
        found.final.append(row("control", seed, agreed, name="judges.overall@world-template"))
    found.final.append(row("control", 0, 0.4, name="judges.second_geneval@world-template"))
    (only,) = side_rows(found, JUDGES)  # the reader drew nothing
    values = [score.value if score else None for score in only.scores]
    assert only.arm == "control"
    assert values == [(0.9 + 0.8) / 2, None, (0.5 + 0.7) / 2, 0.4]


def test_a_suite_that_asks_no_facts_has_no_table_of_them() -> None:
    assert side_rows(gathered({"control": [0.5]}), KNOWLEDGE) == []
