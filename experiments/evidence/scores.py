"""Sums up an arm over its seeds: one score a headline metric, its costs, and the Pareto order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev
from typing import Any

from experiments.evidence.collect import Gathered, Row
from experiments.evidence.comparisons import seed_differences
from experiments.evidence.statistics import mean_interval
from experiments.evidence.verdicts import INHERITED, Verdict, is_inherited, judge_claims
from experiments.planning.claims import Comparison

BRACKETS = ("ceiling", "floor", "chance", "copy")
COSTS = {
    "params_total": ("parameters", "total"),
    "params_active_understand": ("parameters", "active_understand"),
    "params_active_generate": ("parameters", "active_generate"),
    "params_trainable": ("parameters", "trainable"),
    "train_flops": ("flops",),
    "tokens_seen": ("tokens",),
    "wall_time_s": ("wall_seconds",),
    "peak_memory_bytes": ("peak_bytes",),
}


@dataclass(frozen=True)
class Score:
    """A metric of an arm: the mean over seeds; the interval is of the items at one seed, of the
    seeds otherwise. `delta` is the oriented difference to the control; `n_seeds` is how many seeds
    the mean is of. None is missing."""

    value: float
    std: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    delta: float | None = None
    p_value: float | None = None
    verdict: str | None = None
    n_seeds: int | None = None


def interval_text(score: Score | None) -> str:
    """`0.740 [0.702, 0.777]`, or the value alone; empty where it is missing."""
    if score is None:
        return ""
    if score.ci_low is None or score.ci_high is None:
        return f"{score.value:.3f}"
    return f"{score.value:.3f} [{score.ci_low:.3f}, {score.ci_high:.3f}]"


@dataclass(frozen=True)
class Standing:
    """One row of the leaderboard. `n_seeds` counts the finished trainings; `problem` says what kept
    a cell of the arm from finishing."""

    arm: str
    architecture: str = ""
    n_seeds: int | None = None
    costs: Mapping[str, float | None] = field(default_factory=dict)
    scores: Mapping[str, Score] = field(default_factory=dict)
    problem: str = ""

    def partial(self, score: Score | None) -> str:
        """The seeds behind a score that rests on fewer than were trained; empty of any other."""
        if score is None or score.n_seeds is None or score.n_seeds == self.n_seeds:
            return ""
        return f"{score.n_seeds} seed{'' if score.n_seeds == 1 else 's'}"


def headline_metrics(found: Gathered) -> list[str]:
    """The suite's headline metrics with their protocols, as far as anything has been scored."""
    wanted = [metric for metrics in found.plan.suite["headline"].values() for metric in metrics]
    return [full for metric in wanted if (full := found.full_name(metric))]


def standings(found: Gathered) -> list[Standing]:
    """Every arm in Pareto order of understanding and generation, then the bracketing rows."""
    verdicts = judge_claims(found)
    rows = [standing(found, arm, verdicts) for arm in found.plan.arms]
    metrics = headline_metrics(found)
    brackets = [
        Standing(arm=name, scores=bracket_scores(found, name, metrics)) for name in BRACKETS
    ]
    return [*pareto_order(rows, axes(found)), *(row for row in brackets if row.scores)]


def standing(found: Gathered, arm: str, verdicts: Sequence[Verdict]) -> Standing:
    summaries = found.summaries_of(arm)
    scores = {one: arm_score(found, arm, one, verdicts) for one in headline_metrics(found)}
    return Standing(
        arm=arm,
        architecture=found.plan.cells_of(arm)[0].architecture,
        n_seeds=len(summaries),
        costs={name: mean_of(summaries, path) for name, path in COSTS.items()},
        scores={metric: score for metric, score in scores.items() if score is not None},
        problem=found.problems.get(arm, ""),
    )


def mean_of(summaries: Sequence[Mapping[str, Any]], path: Sequence[str]) -> float | None:
    """The mean of a figure over summaries, or None where one of them lacks it."""
    values: list[Any] = list(summaries)
    for key in path:
        values = [one.get(key) if one is not None else None for one in values]
    return fmean(values) if values and None not in values else None


def arm_score(found: Gathered, arm: str, metric: str, verdicts: Sequence[Verdict]) -> Score | None:
    rows = [row for row in found.final if (row.arm, row.metric) == (arm, metric)]
    if not rows:
        return None
    values = [row.value for row in rows]
    low, high = mean_interval(values) if len(values) > 1 else (rows[0].ci_low, rows[0].ci_high)
    name, control = metric.partition("@")[0], found.plan.suite["control"]
    pair = Comparison(arm=arm, against=control, metric=name)
    differences = list(seed_differences(found, pair).values()) if arm != control else []
    claimed = claimed_verdict(verdicts, arm, name, control)
    unclaimed = INHERITED if is_inherited(found, arm, name) else None
    return Score(
        value=fmean(values),
        std=stdev(values) if len(values) > 1 else None,
        ci_low=low,
        ci_high=high,
        delta=fmean(differences) if differences else None,
        p_value=claimed.by_seeds.p_value if claimed and claimed.by_seeds else None,
        verdict=opposed(claimed, control) if claimed else unclaimed,
        n_seeds=len(values),
    )


def claimed_verdict(
    verdicts: Sequence[Verdict], arm: str, metric: str, control: str
) -> Verdict | None:
    """That of the claim on an arm's metric; of several, of the one against the control."""
    about = [one for one in verdicts if (one.claim.arm, one.claim.metric) == (arm, metric)]
    return min(about, key=lambda one: one.claim.against != control, default=None)


def opposed(one: Verdict, control: str) -> str:
    """The verdict in a table whose differences are to the control: another opponent is named."""
    against = one.claim.against
    return one.text if against == control else f"against {against}: {one.text}"


def bracket_scores(found: Gathered, name: str, metrics: Sequence[str]) -> dict[str, Score]:
    rows = [row for row in found.brackets if row.arm == name and row.metric in metrics]
    return {row.metric: Score(row.value, None, row.ci_low, row.ci_high) for row in rows}


def axes(found: Gathered) -> dict[str, Row]:
    """The first headline metric of each task (a row that has it): the axes of the Pareto plot."""
    chosen = {}
    for task, metrics in found.plan.suite["headline"].items():
        full = found.full_name(metrics[0]) if metrics else None
        row = next((row for row in found.rows if row.metric == full), None)
        if row is not None:
            chosen[task] = row
    return chosen


def pareto_order(rows: Sequence[Standing], by: Mapping[str, Row]) -> list[Standing]:
    """Fronts of non-dominated arms, best first; a missing score is worse than any."""

    def point(row: Standing) -> tuple[float, ...]:
        return tuple(
            row.scores[one.metric].value * one.sign if one.metric in row.scores else float("-inf")
            for one in by.values()
        )

    left, ordered = list(rows), []
    while left:
        front = [row for row in left if not any(dominates(point(o), point(row)) for o in left)]
        ordered += front
        left = [row for row in left if row not in front]
    return ordered


def dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    pairs = list(zip(one, other, strict=True))
    return all(a >= b for a, b in pairs) and any(a > b for a, b in pairs)
