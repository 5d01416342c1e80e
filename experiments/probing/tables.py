"""The probes' figures that the papers' claims are about, as one table of a run: `probes.jsonl`.

Every `probe_*` step leaves CSV tables, and the distances to the controls are made of several. The
export takes the rows that reporting/paper_claims.yaml asks for, each with its table, arm and seed;
all else stays in the run.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.probes.tables import read_table
from experiments.planning.plan import Plan
from experiments.probing.distances import DISTANCES, finished_distances
from experiments.store.steps import Store

PROBE_ROWS = "probes.jsonl"
PROBE = "probe_"

Row = Mapping[str, str]


def probe_rows(
    plan: Plan, store: Store, wanted: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, str]]:
    """The rows of the finished probes of every cell, and of what is made of several cells' probes,
    that an entry of `wanted` (`table`, `where`) asks for."""
    distances = ({"table": DISTANCES, **row} for row in finished_distances(plan, store))
    for row in (*step_rows(plan, store), *distances):
        if any(asks_for(entry, row["table"], row) for entry in wanted):
            yield row


def step_rows(plan: Plan, store: Store) -> Iterator[dict[str, str]]:
    for cell in plan.cells:
        for name, folder in cell.steps.items():
            if name.startswith(PROBE) and store.exists(folder):
                about = {"arm": cell.arm, "seed": str(cell.seed)}
                for table, row in tables(store.path(folder)):
                    yield {"table": table, **about, **row}


def tables(folder: Path) -> Iterator[tuple[str, Row]]:
    """Every row of a step's tables, with the table's name."""
    for path in sorted(folder.glob("*.csv")):
        for row in read_table(path):
            yield path.stem, row


def asks_for(entry: Mapping[str, Any], table: str, row: Row) -> bool:
    """Whether an entry is about a row of a table."""
    where = entry.get("where", {})
    return entry.get("table") == table and all(row.get(k) == str(v) for k, v in where.items())


def read_probe_rows(results: Path) -> list[tuple[str, Row]]:
    """The exported rows, each with its folder's name."""
    return [
        (path.parent.name, json.loads(line))
        for path in sorted(results.glob(f"*/{PROBE_ROWS}"))
        for line in path.read_text().splitlines()
    ]
