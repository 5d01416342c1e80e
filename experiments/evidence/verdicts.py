"""What the runs say about a suite's claims: a verdict by items and one by seeds.

Before any test, five things bar a verdict: two arms that a preset makes one model, a task that the
arm inherits from another model, a precondition that does not hold, a metric on which both arms lie
at the floor or the ceiling, and training that has not settled: the sign of the difference at the
last two token counts, and the plateau where the preset states one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import stdev

from experiments.evidence.collect import Gathered
from experiments.evidence.comparisons import (
    best_difference,
    compare_items,
    curve_differences,
    missing_cells,
    seed_differences,
)
from experiments.evidence.plateau import has_settled
from experiments.evidence.power import minimum_detectable_effect, seeds_needed
from experiments.evidence.room import without_room
from experiments.evidence.sequential import share
from experiments.evidence.statistics import (
    ALPHA,
    MINIMUM_SEEDS,
    TOO_FEW_SEEDS,
    UNDECIDED,
    Difference,
    equivalence_p,
    holm,
    not_inferior_p,
    one_sided_word,
    seeds_difference,
    still_training,
    verdict,
    word,
)
from experiments.planning.claims import NOT_INFERIOR, Claim, Comparison, read_claims

STILL_TRAINING, NO_PRECONDITION = "still training", "precondition absent"
NO_ITEMS, NOT_RUN, INHERITED, ONE_MODEL = "no items", "not run", "inherited", "one model"


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the runs say about a claim. Values are None where there is nothing to say.

    The p-values, of no difference and of no equivalence (or of being inferior), are adjusted for
    the claims of the suite and for the look. `missing` lists the planned cells without a score.
    """

    claim: Claim
    items: str
    seeds: str
    by_items: Difference | None = None
    by_seeds: Difference | None = None
    equivalence_p: float | None = None
    differences: Sequence[float] = field(default_factory=tuple)
    missing: Sequence[str] = field(default_factory=tuple)

    @property
    def deviation(self) -> float | None:
        """The spread of the difference over seeds, where there are two."""
        return stdev(self.differences) if len(self.differences) > 1 else None

    @property
    def minimum_detectable(self) -> float | None:
        """The true difference that as many seeds of this spread would find."""
        spread = self.deviation
        return minimum_detectable_effect(spread, len(self.differences)) if spread else None

    @property
    def seeds_needed(self) -> int | None:
        """How many seeds of this spread would find a difference as large as the margin."""
        return seeds_needed(self.deviation, self.claim.margin) if self.deviation else None

    @property
    def text(self) -> str:
        """Both verdicts in a table's cell."""
        if self.items == self.seeds:
            return self.seeds
        return f"{self.seeds} (these checkpoints: {self.items})"


def judge_claims(found: Gathered) -> list[Verdict]:
    """A verdict a claim; the claims of a suite share one error rate, and so do the looks.

    A claim that cannot be tested yet counts with p-values of 1, so that testing some of the claims
    is no way to a larger share.
    """
    verdicts = [judge(found, claim) for claim in read_claims(found.plan.claims)]
    adjusted = holm([p_values(one) for one in verdicts])
    spent = share(found.plan.request.look)
    return [
        with_adjusted(one, [min(1.0, p_value / spent) for p_value in values])
        for one, values in zip(verdicts, adjusted, strict=True)
    ]


def verdict_of(found: Gathered, claim: Claim) -> Verdict:
    """The verdict of one of the plan's claims, judged beside the others."""
    return next(one for one in judge_claims(found) if one.claim.id == claim.id)


def p_values(one: Verdict) -> tuple[float, ...]:
    """Of no difference and of no equivalence (or of being inferior), of which one at most is true;
    none for a task that another model solves, or for a model against itself."""
    if one.seeds in (INHERITED, ONE_MODEL):
        return ()
    if one.by_seeds is None or one.by_seeds.p_value is None:
        return 1.0, 1.0
    small = not_inferior_p if one.claim.test == NOT_INFERIOR else equivalence_p
    return one.by_seeds.p_value, small(one.differences, one.claim.margin)


def with_adjusted(one: Verdict, p_values: Sequence[float]) -> Verdict:
    """The claim with its adjusted p-values, of which one that is not tested has none."""
    if one.by_seeds is None:
        return one
    if not p_values:
        return replace(one, by_seeds=replace(one.by_seeds, p_value=None))
    different, equivalent = p_values
    tested = replace(
        one, by_seeds=replace(one.by_seeds, p_value=different), equivalence_p=equivalent
    )
    if one.seeds != UNDECIDED:  # barred
        return tested
    choose = one_sided_word if one.claim.test == NOT_INFERIOR else word
    return replace(tested, seeds=choose(one.by_seeds.value, different < ALPHA, equivalent < ALPHA))


def judge(found: Gathered, claim: Claim) -> Verdict:
    """The verdict of a claim, before what it shares with other claims and looks."""
    differences, missing = seed_differences(found, claim), missing_cells(found, claim)
    if not differences:
        return Verdict(claim=claim, items=NOT_RUN, seeds=NOT_RUN, missing=missing)
    values = list(differences.values())
    by_items = compare_items(found, claim)
    by_seeds = seeds_difference(values) if len(values) >= MINIMUM_SEEDS else None
    barred = bar(found, claim, values)
    return Verdict(
        claim=claim,
        items=barred or (items_word(claim, by_items) if by_items else NO_ITEMS),
        seeds=barred or (UNDECIDED if by_seeds else TOO_FEW_SEEDS),
        by_items=by_items,
        by_seeds=by_seeds,
        differences=values,
        missing=missing,
    )


def items_word(claim: Claim, by_items: Difference) -> str:
    return verdict(by_items, claim.margin, is_one_sided=claim.test == NOT_INFERIOR)


def bar(found: Gathered, claim: Claim, differences: Sequence[float]) -> str | None:
    """What keeps a claim from having a verdict at all, or None."""
    if trainings(found, claim.arm) & trainings(found, claim.against):
        return ONE_MODEL
    if is_inherited(found, claim.arm, claim.metric):
        return INHERITED
    if claim.precondition and not holds(found, claim.precondition):
        return NO_PRECONDITION
    if at_an_end := without_room(found, claim):
        return at_an_end
    on_the_way = curve_differences(found, claim)
    mean = sum(differences) / len(differences)
    if on_the_way and still_training(on_the_way, mean):
        return STILL_TRAINING
    return None if has_settled(found, claim) else STILL_TRAINING


def trainings(found: Gathered, arm: str) -> set[str]:
    """The folders of an arm's trainings, one a seed."""
    return {one.steps["train"] for one in found.plan.cells_of(arm) if "train" in one.steps}


def is_inherited(found: Gathered, arm: str, metric: str) -> bool:
    """Whether another model solves the metric's task for the arm."""
    task = task_of(found, metric)
    return any(task in cell.inherits for cell in found.plan.cells_of(arm))


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
    return difference is not None and difference.is_above_zero
