"""Why a claim has no verdict, in a sentence beside its row of the report."""

from experiments.evidence.collect import Gathered
from experiments.evidence.comparisons import best_difference
from experiments.evidence.room import AT_CEILING, AT_FLOOR
from experiments.evidence.verdicts import (
    INHERITED,
    NO_ITEMS,
    NO_PRECONDITION,
    ONE_MODEL,
    STILL_TRAINING,
    Verdict,
)
from experiments.planning.claims import Comparison

FIXED = {
    ONE_MODEL: "By this preset's sizes both arms are one model: give one of them another value.",
    INHERITED: "Another model solves this task for the arm, so its score says nothing about it.",
    STILL_TRAINING: "The difference has not settled: its sign over the last two token counts, or "
    "the scores themselves.",
    AT_FLOOR: "Both arms lie within the margin of the floor: no difference could show.",
    AT_CEILING: "Both arms lie within the margin of the ceiling: no difference could show.",
    NO_ITEMS: "The scored items are not at hand, or do not add up to the scores.",
}


def claim_reason(found: Gathered, one: Verdict) -> str:
    """Empty where the verdict's word says it all."""
    parts = []
    if one.missing:
        parts.append(f"Without a score: {'; '.join(one.missing)}.")
    condition = one.claim.precondition
    if one.seeds == NO_PRECONDITION and condition is not None:
        parts.append(
            f"Presupposes that {condition.arm} is above {condition.against} on {condition.metric}: "
            f"{seen(found, condition)}."
        )
    words = dict.fromkeys((one.items, one.seeds))
    return " ".join((*parts, *(FIXED[word] for word in words if word in FIXED)))


def seen(found: Gathered, condition: Comparison) -> str:
    """The presupposed difference with its interval."""
    difference = best_difference(found, condition)
    return difference.text if difference else "not measured"
