"""The papers' claims (paper_claims.yaml) beside what the committed results say about each.

A claim of a suite has a verdict, and the answer follows from it: reproduced, contradicted, or the
verdict's own word. A figure of a probe was claimed by no suite and is description: its direction is
reported with an interval, over seeds where there are enough, and without a verdict.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.probes.tables import NOTE
from experiments.config import ConfigError, read_yaml
from experiments.evidence.collect import WIDE
from experiments.evidence.statistics import (
    BETTER,
    EQUIVALENT,
    MINIMUM_SEEDS,
    NOT_INFERIOR,
    WORSE,
    seeds_difference,
)
from experiments.planning.suite import claims_hash
from experiments.probing.tables import asks_for, read_probe_rows
from experiments.reporting.claims_table import read_claim_rows

FILE = Path(__file__).with_name("paper_claims.yaml")
REPRODUCED, CONTRADICTED = "reproduced", "contradicted"
NOT_MEASURED, NOT_TESTABLE = "not measured yet", "not testable here"
NO_FIGURE = "no figure"
AS_CLAIMED, OTHERWISE, OPEN = "as claimed", "the other way", "direction open"
CONFIRMING = {
    BETTER: {BETTER},
    EQUIVALENT: {EQUIVALENT},
    NOT_INFERIOR: {NOT_INFERIOR, BETTER, EQUIVALENT},
}
"""Verdicts that bear out what is expected; another one of OUTCOMES contradicts it."""
OUTCOMES = {BETTER, WORSE, EQUIVALENT, NOT_INFERIOR}
DIRECTIONS = ("above", "below")
REFERENCE = "reference"

Row = Mapping[str, str]
Interval = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What one entry under `measured` found. `difference` is a value with its interval; a probe has
    neither verdicts nor precondition. `edited`: the suite's claims are not those of the run."""

    source: str
    answer: str
    run: str = ""
    n_seeds: int = 0
    difference: Interval | None = None
    precondition: Interval | None = None
    items: str = ""
    seeds: str = ""
    edited: bool = False


@dataclass(frozen=True, kw_only=True)
class PaperClaim:
    """A claim as paper_claims.yaml has it; `untestable` says why nothing here can test it."""

    text: str
    paper: str
    measured: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    untestable: str = ""

    def __post_init__(self) -> None:
        if bool(self.measured) == bool(self.untestable):
            raise ConfigError(f"claim {self.text!r} must be either measured or untestable.")
        for entry in self.measured:
            expected = entry.get("expects", BETTER)
            known = CONFIRMING if "suite" in entry else DIRECTIONS
            if expected not in known:
                raise ConfigError(
                    f"claim {self.text!r}: expects must be one of {', '.join(known)}, "
                    f"got {expected!r}."
                )


@dataclass(frozen=True)
class Results:
    """What is committed: claim rows and probe rows, each with the name of its folder; no probe rows
    of a run with a stamp."""

    claims: Sequence[tuple[str, Row]]
    probes: Sequence[tuple[str, Row]]

    @classmethod
    def read(cls, folder: Path) -> "Results":
        stamped = stamped_runs(folder)
        probes = [(run, row) for run, row in read_probe_rows(folder) if run not in stamped]
        return cls(read_claim_rows(folder), probes)


def stamped_runs(results: Path) -> set[str]:
    """The folders whose leaderboard has a stamp: a run without claims has it there alone."""
    tables = results.glob(f"*/{WIDE}")
    return {path.parent.name for path in tables if has_stamp(path)}


def has_stamp(table: Path) -> bool:
    with table.open(newline="") as file:
        return any(row.get("stamp") for row in csv.DictReader(file))


def read_paper_claims() -> tuple[list[str], list[PaperClaim]]:
    """What this scale cannot show, and the claims; raises ConfigError for an ill-formed one."""
    values = read_yaml(FILE, FILE.name)
    return values["cannot_show"], [PaperClaim(**one) for one in values["claims"]]


def probe_entries() -> list[Mapping[str, Any]]:
    """The entries that a probe's figure answers."""
    _, claims = read_paper_claims()
    return [entry for claim in claims for entry in claim.measured if "table" in entry]


def measures(claim: PaperClaim, results: Results) -> list[Measure]:
    """What each entry found; one that nothing has measured is NOT_MEASURED."""
    if claim.untestable:
        return [Measure(source=claim.untestable, answer=NOT_TESTABLE)]
    return [
        of_suite(one, results.claims) if "suite" in one else of_probe(one, results.probes)
        for one in claim.measured
    ]


def of_suite(entry: Mapping[str, Any], rows: Sequence[tuple[str, Row]]) -> Measure:
    """The committed run with the most seeds of a suite's claim; a stamped one is no evidence."""
    source = f"`{entry['suite']}`: {entry['claim']}"
    found = [
        (int(row["n_seeds"]), run, row)
        for run, row in rows
        if (row["suite"], row["claim"]) == (entry["suite"], entry["claim"]) and not row.get("stamp")
    ]
    if not found:
        return Measure(source=source, answer=NOT_MEASURED)
    n_seeds, run, row = max(found, key=lambda one: one[0])
    return Measure(
        source=source,
        answer=answer_of(row["seeds"], entry.get("expects", BETTER)),
        run=f"{run} ({row['preset']})",
        n_seeds=n_seeds,
        difference=interval(row, "seeds_difference", "seeds_low", "seeds_high")
        or interval(row, "items_difference", "items_low", "items_high"),
        precondition=interval(row, "precondition", "precondition_low", "precondition_high"),
        items=row["items"],
        seeds=row["seeds"],
        edited=is_edited(row),
    )


def is_edited(row: Row) -> bool:
    """Whether the suite's claims are no longer those that the run recorded."""
    recorded = row.get("claims_sha256")
    return bool(recorded) and recorded != claims_hash(row["suite"])


def answer_of(verdict: str, expected: str) -> str:
    """A verdict over seeds as the answer to what a paper claims."""
    if verdict not in OUTCOMES:
        return verdict
    return REPRODUCED if verdict in CONFIRMING[expected] else CONTRADICTED


def interval(row: Row, *columns: str) -> Interval | None:
    """Value, low and high of a row, or None where one is missing."""
    cells = [row.get(column, "") for column in columns]
    if "" in cells:
        return None
    value, low, high = map(float, cells)
    return value, low, high


def of_probe(entry: Mapping[str, Any], rows: Sequence[tuple[str, Row]]) -> Measure:
    """A figure of one arm, or its difference to another's, seed by seed, in the run that has most;
    of several the reference, as another suite may train on other data.

    At too few seeds there is no interval, and the direction is open.
    """
    against = entry.get("against")
    about = ", ".join(map(str, entry.get("where", {}).values()))
    table = f"`{entry['table']}`" + (f" ({about})" if about else "")
    source = f"probe table {table}: {entry['value']} of {entry['arm']}"
    source += f" minus {against}'s" if against else ""
    usual = float(entry.get("than", 0))
    source += f" minus {usual:g}" if usual else ""
    best: tuple[str, list[float]] = ("", [])
    runs = dict.fromkeys(name for name, _ in rows)
    for run in sorted(runs, key=lambda name: name != REFERENCE):
        chosen = [row for name, row in rows if name == run and asks_for(entry, row["table"], row)]
        ours = by_seed(chosen, entry["arm"], entry["value"])
        theirs = by_seed(chosen, against, entry["value"]) if against else dict.fromkeys(ours, usual)
        values = [ours[seed] - theirs[seed] for seed in sorted(ours.keys() & theirs.keys())]
        best = max(best, (run, values), key=lambda one: len(one[1]))
    run, values = best
    if not values:
        return Measure(source=source, answer=without_figure(entry, rows))
    if len(values) < MINIMUM_SEEDS:
        mean = sum(values) / len(values)
        listed = f"{OPEN}: {len(values)} seed(s), mean {mean:+.3f}"
        return Measure(source=source, answer=listed, run=run, n_seeds=len(values))
    found = seeds_difference(values)
    claimed = found.low > 0 if entry["expects"] == "above" else found.high < 0
    opposite = found.high < 0 if entry["expects"] == "above" else found.low > 0
    answer = AS_CLAIMED if claimed else OTHERWISE if opposite else OPEN
    difference = (found.value, found.low, found.high)
    return Measure(
        source=source, answer=answer, run=run, n_seeds=len(values), difference=difference
    )


def without_figure(entry: Mapping[str, Any], rows: Sequence[tuple[str, Row]]) -> str:
    """The reason that a probe wrote in the figure's place, or that nothing has measured it."""
    arms = {entry["arm"], entry.get("against")}
    asked = (row for _, row in rows if row["arm"] in arms and asks_for(entry, row["table"], row))
    reasons = dict.fromkeys(row[NOTE] for row in asked if row.get(NOTE))
    return f"{NO_FIGURE}: {'; '.join(reasons)}" if reasons else NOT_MEASURED


def by_seed(rows: Sequence[Row], arm: str, column: str) -> dict[str, float]:
    ours = [row for row in rows if row["arm"] == arm and row.get(column)]
    return {row["seed"]: float(row[column]) for row in ours}
