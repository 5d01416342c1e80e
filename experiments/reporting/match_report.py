"""What each arm cost, beside its scores: whether the arms were matched, and in what."""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.evidence.collect import Gathered
from experiments.evidence.scores import COSTS, Standing, mean_of


@dataclass(frozen=True)
class MatchRow:
    """An arm's costs and each cost as a ratio to the control's; None is missing."""

    arm: str
    costs: dict[str, float | None]
    ratios: dict[str, float | None]


def match_report(found: Gathered, rows: Sequence[Standing]) -> list[MatchRow]:
    """One row an arm; sequences are counted by task."""
    costs = {row.arm: arm_costs(found, row) for row in rows if row.n_seeds is not None}
    control = costs.get(found.plan.suite["control"], {})
    return [
        MatchRow(arm, own, {name: ratio(value, control.get(name)) for name, value in own.items()})
        for arm, own in costs.items()
    ]


def arm_costs(found: Gathered, row: Standing) -> dict[str, float | None]:
    summaries = found.summaries_of(row.arm)
    sequences = {
        f"sequences_{task}": mean_of(summaries, ("sequences", task))
        for task in ("understand", "generate")
    }
    return {name: row.costs.get(name) for name in COSTS} | sequences


def ratio(value: float | None, to: float | None) -> float | None:
    return value / to if value is not None and to else None
