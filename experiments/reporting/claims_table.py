"""`claims.csv` of a run: a row a claim, with effect, intervals, precondition and both verdicts.

It is what the page of the papers' claims (claims_page.py) reads from `results/`.
"""

import csv
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from experiments.evidence.claims_record import read_record
from experiments.evidence.collect import Gathered
from experiments.evidence.comparisons import best_difference
from experiments.evidence.statistics import Difference
from experiments.evidence.verdicts import Verdict, judge_claims
from experiments.reporting.leaderboard import to_csv
from experiments.store.steps import Store

CLAIMS = "claims.csv"


@dataclass(frozen=True, kw_only=True)
class ClaimRow:
    """The columns; differences are oriented, so that positive is better, and None is missing.

    `precondition` is the difference that the claim presupposes; `trained_before` says how many of
    the run's cells had been trained when the claims were recorded; `stamp` is the preset's, and
    empty where the numbers are meant as evidence. A committed table may lack it.
    """

    suite: str
    preset: str
    claim: str
    text: str
    arm: str
    against: str
    metric: str
    margin: float
    n_seeds: int
    items: str
    items_difference: float | None
    items_low: float | None
    items_high: float | None
    seeds: str
    seeds_difference: float | None
    seeds_low: float | None
    seeds_high: float | None
    p_value: float | None
    equivalence_p: float | None
    minimum_detectable: float | None
    seeds_needed: int | None
    precondition: float | None
    precondition_low: float | None
    precondition_high: float | None
    missing: str
    trained_before: int | None
    claims_sha256: str
    stamp: str


COLUMNS = tuple(field.name for field in fields(ClaimRow))


def claims_csv(found: Gathered, store: Store) -> str:
    """The table of a run as CSV text."""
    record = read_record(store.runs / found.plan.request.run) or {}
    before = record.get("cells_trained_before")
    rows = [claim_row(found, one, before) for one in judge_claims(found)]
    return to_csv(COLUMNS, (asdict(row) for row in rows))


def claim_row(found: Gathered, one: Verdict, trained_before: int | None) -> ClaimRow:
    claim, condition = one.claim, one.claim.precondition
    before = best_difference(found, condition) if condition else None
    return ClaimRow(
        suite=found.plan.request.suite,
        preset=found.plan.request.preset,
        claim=claim.id,
        text=claim.text,
        arm=claim.arm,
        against=claim.against,
        metric=claim.metric,
        margin=claim.margin,
        n_seeds=len(one.differences),
        items=one.items,
        seeds=one.seeds,
        **interval("items_", one.by_items),
        **interval("seeds_", one.by_seeds),
        p_value=one.by_seeds.p_value if one.by_seeds else None,
        equivalence_p=one.equivalence_p,
        minimum_detectable=one.minimum_detectable,
        seeds_needed=one.seeds_needed,
        precondition=before.value if before else None,
        precondition_low=before.low if before else None,
        precondition_high=before.high if before else None,
        missing="; ".join(one.missing),
        trained_before=trained_before,
        claims_sha256=found.plan.claims_hash,
        stamp=found.plan.stamp,
    )


def interval(prefix: str, difference: Difference | None) -> dict[str, float | None]:
    names = [f"{prefix}{part}" for part in ("difference", "low", "high")]
    if difference is None:
        return dict.fromkeys(names)
    return dict(zip(names, (difference.value, difference.low, difference.high), strict=True))


def read_claim_rows(results: Path) -> list[tuple[str, Mapping[str, str]]]:
    """Every row of the committed tables, each with the folder's name; all values are text."""
    rows = []
    for path in sorted(results.glob(f"*/{CLAIMS}")):
        with path.open(newline="") as file:
            rows += [(path.parent.name, row) for row in csv.DictReader(file)]
    return rows
