"""What the runs say about a suite's claims: a verdict by items and one by seeds.

Before any test, three things bar a verdict: a task that the arm inherits from another model, a
precondition that does not hold, and a difference whose sign has not settled at the last two token
counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import stdev

from experiments.claims import Claim, Comparison, read_claims
from experiments.collect import Gathered
from experiments.comparisons import (
    best_difference,
    compare_items,
    curve_differences,
    seed_differences,
)
from experiments.statistics import (
    ALPHA,
    MINIMUM_SEEDS,
    TOO_FEW_SEEDS,
    UNDECIDED,
    Difference,
    holm,
    minimum_detectable_effect,
    seeds_difference,
    seeds_needed,
    still_training,
    verdict,
)

STILL_TRAINING, NO_PRECONDITION = "still training", "precondition absent"
NO_ITEMS, NOT_RUN, INHERITED = "no items", "not run", "inherited"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the runs say about a claim. Values are None where there is nothing to say."""

    claim: Claim
    items: str
    seeds: str
    by_items: Difference | None = None
    by_seeds: Difference | None = None
    differences: Sequence[float] = field(default_factory=tuple)
    minimum_detectable: float | None = None
    seeds_needed: int | None = None

    @property
    def text(self) -> str:
        """Both verdicts in a table's cell."""
        if self.items == self.seeds:
            return self.seeds
        return f"{self.seeds} (these checkpoints: {self.items})"


def judge_claims(found: Gathered) -> list[Verdict]:
    """A verdict a claim; the claims of a suite share one error rate (Holm)."""
    verdicts = [judge(found, claim) for claim in read_claims(found.plan.claims)]
    tested = [
        (index, one.by_seeds.p_value)
        for index, one in enumerate(verdicts)
        if one.by_seeds is not None and one.by_seeds.p_value is not None
    ]
    adjusted = holm([p_value for _, p_value in tested])
    for (index, _), p_value in zip(tested, adjusted, strict=True):
        verdicts[index] = with_adjusted(verdicts[index], p_value)
    return verdicts


def with_adjusted(one: Verdict, p_value: float) -> Verdict:
    assert one.by_seeds is not None
    difference = replace(one.by_seeds, p_value=p_value)
    if one.seeds != UNDECIDED:  # barred
        return replace(one, by_seeds=difference)
    seeds = verdict(difference, one.claim.margin, significant=p_value < ALPHA)
    return replace(one, by_seeds=difference, seeds=seeds)


def judge(found: Gathered, claim: Claim) -> Verdict:
    differences = seed_differences(found, claim)
    if not differences:
        return Verdict(claim=claim, items=NOT_RUN, seeds=NOT_RUN)
    values = list(differences.values())
    by_items = compare_items(found, claim)
    by_seeds = seeds_difference(values) if len(values) >= MINIMUM_SEEDS else None
    items = verdict(by_items, claim.margin) if by_items else NO_ITEMS
    seeds = UNDECIDED if by_seeds else TOO_FEW_SEEDS
    barred = bar(found, claim, values)
    deviation = stdev(values) if len(values) > 1 else None
    detectable = minimum_detectable_effect(deviation, len(values)) if deviation else None
    return Verdict(
        claim=claim,
        items=barred or items,
        seeds=barred or seeds,
        by_items=by_items,
        by_seeds=by_seeds,
        differences=values,
        minimum_detectable=detectable,
        seeds_needed=seeds_needed(deviation, claim.margin) if deviation else None,
    )


def bar(found: Gathered, claim: Claim, differences: Sequence[float]) -> str | None:
    """What keeps a claim from having a verdict at all, or None."""
    task = task_of(found, claim.metric)
    if any(cell.arm == claim.arm and task in cell.inherits for cell in found.plan.cells):
        return INHERITED
    if claim.precondition and not holds(found, claim.precondition):
        return NO_PRECONDITION
    on_the_way = curve_differences(found, claim)
    mean = sum(differences) / len(differences)
    return STILL_TRAINING if on_the_way and still_training(on_the_way, mean) else None


def task_of(found: Gathered, metric: str) -> str | None:
    """The task whose headline metrics include this one's benchmark."""
    benchmark = metric.partition(".")[0]
    for task, metrics in found.plan.suite["headline"].items():
        if any(one.partition(".")[0] == benchmark for one in metrics):
            return task
    return None


def holds(found: Gathered, condition: Comparison) -> bool:
    """Whether a difference is clearly above zero: over seeds where there are enough, else items."""
    difference = best_difference(found, condition)
    return difference is not None and difference.low > 0
