"""Small tables of the report that say how far a headline score is to be trusted, arm by arm."""

from collections.abc import Mapping
from dataclasses import dataclass

from experiments.evidence.collect import Gathered
from experiments.evidence.scores import Score, arm_score


@dataclass(frozen=True)
class SideTable:
    """`columns` maps a column's title to its metric; an arm without the first has no row."""

    title: str
    note: str
    columns: Mapping[str, str]


JUDGES = SideTable(
    "Do two judges agree?",
    "Both looked at every GenEval image of the arm. Agreement: the share of images that both call "
    "right, or both wrong, by the official rule. Kappa: the same, corrected for what two judges of "
    "these rates would agree on by chance (1: always, 0: as by chance).",
    {
        "agreement": "judges.overall",
        "kappa": "judges.kappa",
        "GenEval by the first judge": "geneval.overall",
        "GenEval by the second": "judges.second_geneval",
    },
)
KNOWLEDGE = SideTable(
    "Does knowledge reach the drawing?",
    "WISE's facts, asked as questions and drawn. P(drawn | answered right) leaves out what the arm "
    "does not know; empty where no answer was wrong, or none right. Told its answer: the arm's own "
    "answer is put into the prompt, an upper bound. Every fact counts once.",
    {
        "answered right": "wise.answered",
        "P(drawn | answered right)": "wise.drawn_given_answered",
        "P(drawn | answered wrong)": "wise.drawn_given_unanswered",
        "P(drawn | told its answer)": "wise.drawn_when_told",
    },
)
EDITS = SideTable(
    "Was the asked change made, and no other?",
    "Right is both halves: what was asked to come is there and what was asked to go is gone; all "
    "else is as it was. Whoever repeats the given picture keeps all and changes nothing.",
    {
        "right": "editing.overall",
        "asked change made": "editing.changed",
        "all else kept": "editing.kept",
        "right on unseen pairs": "editing.overall.unseen",
    },
)
EXAMPLES = SideTable(
    "Do two drawn examples help?",
    "WISE's facts drawn from their description alone, and after two descriptions with pictures.",
    {"after two examples": "in_context.overall", "alone": "wise.overall"},
)
SIDE_TABLES = (JUDGES, KNOWLEDGE, EDITS, EXAMPLES)


@dataclass(frozen=True)
class SideRow:
    """An arm's scores, in the order of the columns; None is missing."""

    arm: str
    scores: tuple[Score | None, ...]


def side_rows(found: Gathered, table: SideTable) -> list[SideRow]:
    """A row an arm that has the table's first metric."""
    metrics = [found.full_name(metric) for metric in table.columns.values()]
    rows = []
    for arm in found.plan.arms:
        scores = tuple(arm_score(found, arm, one, ()) if one else None for one in metrics)
        if scores[0] is not None:
            rows.append(SideRow(arm, scores))
    return rows
