"""Do the two tasks hurt each other? The single-task control minus the shared trunk, task by task.

The pairs are the preconditions that the suite's claims name: where the index is not clearly above
zero, no arm can resolve a conflict, and the claims that presuppose one get no verdict.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.evidence.collect import Gathered
from experiments.evidence.comparisons import best_difference
from experiments.evidence.scores import mean_of
from experiments.evidence.statistics import Difference
from experiments.evidence.verdicts import task_of
from experiments.planning.claims import Comparison, read_claims

VERBS = {"understand": "answering", "generate": "drawing"}


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """The index of one task; `tokens` of that task that the control and the shared trunk saw."""

    task: str
    pair: Comparison
    difference: Difference | None
    tokens: tuple[float | None, float | None]

    @property
    def is_clear(self) -> bool:
        """Whether the whole interval lies above zero."""
        return self.difference is not None and self.difference.is_above_zero

    @property
    def text(self) -> str:
        """The index with interval, metric and tokens."""
        verb, pair = VERBS[self.task], self.pair
        if self.difference is None:
            return f"{verb}: not measured ({pair.arm} or {pair.against} has no {pair.metric})"
        about = f"{pair.arm} minus {pair.against}, {pair.metric}, {self.seen}"
        return f"{verb} {self.difference.text} ({about})"

    @property
    def seen(self) -> str:
        """At how many tokens of the task the two are compared."""
        ours, theirs = self.tokens
        if ours is None or theirs is None:
            return "tokens of the task unknown"
        if ours == theirs:
            return f"{ours / 1e6:.2f} M tokens of the task each"
        return f"at unequal tokens of the task: {ours / 1e6:.2f} M and {theirs / 1e6:.2f} M"


def conflicts(found: Gathered) -> list[Conflict]:
    """The index of each task that a claim's precondition is about."""
    named = [claim.precondition for claim in read_claims(found.plan.claims) if claim.precondition]
    control = found.plan.suite["control"]
    return [
        Conflict(
            task=task,
            pair=pair,
            difference=best_difference(found, pair),
            tokens=(task_tokens(found, pair.arm, task), task_tokens(found, pair.against, task)),
        )
        for pair in dict.fromkeys(named)
        if pair.against == control and (task := task_of(found, pair.metric)) in VERBS
    ]


def task_tokens(found: Gathered, arm: str, task: str) -> float | None:
    """Tokens of the task that the arm saw, the mean over its seeds."""
    return mean_of(found.summaries_of(arm), ("tokens_by_task", task))


def conflict_statement(indices: Sequence[Conflict]) -> str:
    """What the indices say, in a sentence or two; empty without any."""
    if not indices:
        return ""
    listed = "; ".join(one.text for one in indices)
    absent = [VERBS[one.task] for one in indices if not one.is_clear and one.difference]
    statement = f"Conflict index: {listed}."
    if absent:
        where = " and ".join(absent)
        statement += f" For {where}, there is no conflict to resolve at this setting."
    return statement
