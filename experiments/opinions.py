"""How far the two judges agree on each arm's own GenEval images."""

from dataclasses import dataclass

from experiments.collect import Gathered
from experiments.scores import Score, arm_score

COLUMNS = {
    "agreement": "judges.overall",
    "kappa": "judges.kappa",
    "GenEval by the first judge": "geneval.overall",
    "GenEval by the second": "judges.second_geneval",
}
"""A column's title and its metric: the share of equal verdicts, the same corrected for chance."""


@dataclass(frozen=True)
class Opinion:
    """An arm's scores by the title of their column; None is missing."""

    arm: str
    scores: dict[str, Score | None]


def opinions(found: Gathered) -> list[Opinion]:
    """A row an arm that both judges have looked at."""
    metrics = {title: found.full_name(metric) for title, metric in COLUMNS.items()}
    rows = []
    for arm in dict.fromkeys(cell.arm for cell in found.plan.cells):
        scores = {
            title: arm_score(found, arm, metric, ()) if metric else None
            for title, metric in metrics.items()
        }
        if scores["agreement"] is not None:
            rows.append(Opinion(arm, scores))
    return rows
