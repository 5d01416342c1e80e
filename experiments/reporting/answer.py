"""The answer to a suite's question in one sentence: which claims are decided, and who leads."""

from collections import Counter
from collections.abc import Sequence

from experiments.evidence.collect import Gathered, Row
from experiments.evidence.scores import Standing, axes
from experiments.evidence.statistics import DECIDED
from experiments.evidence.verdicts import Verdict
from experiments.planning.claims import MARGIN


def suite_answer(found: Gathered, verdicts: Sequence[Verdict], rows: Sequence[Standing]) -> str:
    """One sentence; leaders are named as what they are, a description of these checkpoints."""
    sentence = claims_clause(verdicts, len(found.plan.request.seeds))
    lead = leaders(found, rows)
    if lead:
        sentence += f"; among these checkpoints, which is description, {' and '.join(lead)}"
    return sentence + "."


def claims_clause(verdicts: Sequence[Verdict], seeds: int) -> str:
    """How many claims have a verdict on the architectures, what it is, and what keeps the rest."""
    if not verdicts:
        return "This suite claims nothing"
    settled = [one for one in verdicts if is_decided(one)]
    left = Counter(one.seeds for one in verdicts if not is_decided(one))
    reasons = ", ".join(f"{count} {reason}" for reason, count in left.items())
    over = f"{counted(len(verdicts), 'claim')} over {counted(seeds, 'seed')}"
    if not settled:
        return f"Nothing is decided on {over} ({reasons})"
    told = "; ".join(f"{one.claim.text.rstrip('.')}: {outcome(one)}" for one in settled)
    rest = f"; the others: {reasons}" if left else ""
    return f"Decided on {len(settled)} of {over} ({told}{rest})"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def is_decided(one: Verdict) -> bool:
    return one.seeds in DECIDED


def outcome(one: Verdict) -> str:
    """The verdict on the architecture and its difference with interval."""
    return f"{one.seeds}, {one.by_seeds.text}" if one.by_seeds else one.seeds


def leaders(found: Gathered, rows: Sequence[Standing]) -> list[str]:
    """The arm, or arms, with the best mean on the first headline metric of each task.

    An arm whose task another model solves leads in nothing: its score is that model's. Nor does one
    that is not clear of the floor.
    """
    told = []
    for task, axis in axes(found).items():
        own = {cell.arm for cell in found.plan.cells if task not in cell.inherits}
        arms = [row for row in rows if row.arm in own and axis.metric in row.scores]
        if arms:
            told.append(leading(rows, arms, axis))
    return told


def leading(rows: Sequence[Standing], arms: Sequence[Standing], axis: Row) -> str:
    """Which of `arms` has the best score, and the score; `rows` have the floor."""
    scores = {row.arm: axis.sign * row.scores[axis.metric].value for row in arms}
    best = max(scores.values())
    floor = next((row.scores.get(axis.metric) for row in rows if row.arm == "floor"), None)
    if floor is not None and axis.higher_is_better and best < floor.value + MARGIN:
        return f"all lie at the floor on {axis.name} (at most {best:.3f})"
    first = [arm for arm, score in scores.items() if score == best]
    who = f"{first[0]} leads" if len(first) == 1 else f"{', '.join(first)} are level"
    return f"{who} on {axis.name} ({axis.sign * best:.3f})"
