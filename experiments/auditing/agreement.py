"""How far a person and the judges agree, arm by arm.

Shares have Wilson's interval, which holds at 0 and 1 as well; kappa's resamples the drawings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.stats import binomtest

from experiments.auditing.samples import AUDIT, RIGHT, UNSURE, Sample, drawings, read_answers
from experiments.evidence.collect import Gathered
from experiments.evidence.scores import Score, interval_text
from experiments.store.steps import Store

DRAWS = 2000
CONFIDENCE = 0.95
COLUMNS = (
    "answered",
    "cannot tell",
    "right, person",
    "right, judge",
    "agreement",
    "kappa",
    "agreement, second judge",
    "kappa, second judge",
)


@dataclass(frozen=True)
class AuditRow:
    """An arm's drawings that a person looked at. Scores are of those that the person could tell;
    None where there are none, or where kappa is not defined."""

    arm: str
    answered: int
    unsure: int
    scores: tuple[Score | None, ...]

    @property
    def cells(self) -> list[str]:
        """The row as text, in the order of COLUMNS."""
        return [str(self.answered), str(self.unsure), *map(interval_text, self.scores)]


def read_audit(found: Gathered, store: Store) -> list[AuditRow]:
    """The rows of the arms that a person has looked at; none without an audit."""
    answers = read_answers(store.runs / found.plan.request.run / AUDIT)
    return audit_table(drawings(found, store), answers) if answers else []


def audit_table(
    by_arm: Mapping[str, Sequence[Sample]], answers: Mapping[str, str]
) -> list[AuditRow]:
    """A row an arm with an answer. Answers about drawings that are gone do not count."""
    rows = []
    for arm, drawn in by_arm.items():
        seen = {one: answers[one.id] for one in drawn if one.id in answers}
        told = {one: answer == RIGHT for one, answer in seen.items() if answer != UNSURE}
        person, first = list(told.values()), [one.first for one in told]
        pairs = [(one.second, right) for one, right in told.items() if one.second is not None]
        scores = (share(person), share(first), *agreement(first, person))
        if seen:
            second = agreement(*zip(*pairs, strict=True)) if pairs else (None, None)
            rows.append(AuditRow(arm, len(seen), len(seen) - len(told), (*scores, *second)))
    return rows


def agreement(judge: Sequence[bool], person: Sequence[bool]) -> tuple[Score | None, Score | None]:
    """The share of equal verdicts, and Cohen's kappa."""
    equal = [one == other for one, other in zip(judge, person, strict=True)]
    return share(equal), kappa(judge, person)


def share(hits: Sequence[bool]) -> Score | None:
    """The share of hits with Wilson's interval; None of nothing."""
    if not hits:
        return None
    found = binomtest(sum(hits), len(hits)).proportion_ci(CONFIDENCE, method="wilson")
    return Score(sum(hits) / len(hits), ci_low=float(found.low), ci_high=float(found.high))


def kappa(first: Sequence[bool], second: Sequence[bool]) -> Score | None:
    """Agreement corrected for chance; None where both say the same of everything.

    Resamples in which it is not defined are left out of the interval.
    """
    one, other = np.array(first, dtype=float), np.array(second, dtype=float)
    value = kappas(one[None], other[None])[0] if len(one) else np.nan
    if np.isnan(value):
        return None
    rows = np.random.default_rng(0).integers(len(one), size=(DRAWS, len(one)))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(kappas(one[rows], other[rows]), [tail, 1 - tail])
    return Score(float(value), ci_low=float(low), ci_high=float(high))


def kappas(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Cohen's kappa (Cohen 1960) of each row of two tables of 0 and 1, `[rows, drawings]`."""
    p, q = one.mean(-1), other.mean(-1)
    by_chance = p * q + (1 - p) * (1 - q)
    room = np.where(by_chance < 1, 1 - by_chance, np.nan)
    return ((one == other).mean(-1) - by_chance) / room


def print_audit(rows: Sequence[AuditRow]) -> None:
    """The table on the terminal."""
    table = Table("arm", *COLUMNS, title="A person's audit of the judge")
    for row in rows:
        table.add_row(row.arm, *row.cells)
    Console().print(table if rows else "No sample was answered.")
