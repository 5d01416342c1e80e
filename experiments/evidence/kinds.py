"""VQA by kind of question: every arm beside what one fixed answer to all of a kind would get."""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.evidence.collect import Gathered, Row
from experiments.evidence.scores import BRACKETS, Score, Standing, arm_score, bracket_scores

BENCHMARK, OVERALL, CHANCE = "vqa", "overall", "chance"


@dataclass(frozen=True)
class KindScore:
    """An arm's score on a kind; `above` says whether its whole interval lies above chance."""

    score: Score
    above: bool


@dataclass(frozen=True)
class KindRow:
    """A row of the table: an arm's, or a bracket's, which is compared with nothing."""

    arm: str
    is_bracket: bool
    scores: dict[str, KindScore]


def kind_metrics(found: Gathered) -> dict[str, str]:
    """The full metric of each kind, all columns together, in the order of their first row."""
    metrics: dict[str, str] = {}
    for row in (*found.final, *found.brackets):
        kind = kind_of(row)
        if kind is not None:
            metrics.setdefault(kind, row.metric)
    return metrics


def kind_of(row: Row) -> str | None:
    """The kind of a row of VQA that is about one kind and not one column."""
    benchmark, _, kind = row.name.partition(".")
    return kind if benchmark == BENCHMARK and kind != OVERALL and "." not in kind else None


def kind_table(found: Gathered, rows: Sequence[Standing]) -> list[KindRow]:
    """A row an arm that answers, in the order of the leaderboard, then the bracketing rows."""
    metrics = kind_metrics(found)
    chance = bracket_scores(found, CHANCE, list(metrics.values()))
    table = []
    for row in rows:
        is_bracket = row.arm in BRACKETS
        if is_bracket:
            scores = bracket_scores(found, row.arm, list(metrics.values()))
        else:
            scores = {
                metric: score
                for metric in metrics.values()
                if (score := arm_score(found, row.arm, metric, ())) is not None
            }
        compared = {
            kind: KindScore(scores[metric], is_bracket or above(scores[metric], chance.get(metric)))
            for kind, metric in metrics.items()
            if metric in scores
        }
        if compared:
            table.append(KindRow(row.arm, is_bracket, compared))
    return table


def above(score: Score, chance: Score | None) -> bool:
    """Whether a score is above chance by more than its interval; True where chance is unknown."""
    low = score.value if score.ci_low is None else score.ci_low
    return chance is None or low > chance.value
