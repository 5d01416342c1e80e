"""A probe's tables: one row an observation, written as CSV; what is missing is empty, never 0."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.records import whole_file

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]
"""Rows by the name of their table; the row of a probe that does not apply has a NOTE."""
NOTE = "note"


def write_tables(tables: Tables, folder: Path) -> None:
    """Write `<name>.csv` of every table, the note last; one without rows is not written."""
    for name, rows in tables.items():
        if not rows:
            continue
        columns = dict.fromkeys(column for row in rows for column in row if column != NOTE)
        with whole_file(folder / f"{name}.csv") as partial, partial.open("w", newline="") as file:
            writer = csv.DictWriter(file, [*columns, NOTE], restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows({key: cell(value) for key, value in row.items()} for row in rows)


def cell(value: Any) -> str:
    """Return what stands in a cell: six digits of a fraction, nothing for None."""
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float | np.floating) else str(value)


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table that `write_tables` wrote."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def observations(rows: Iterable[Row]) -> list[Row]:
    """Return the rows that are no note."""
    return [row for row in rows if not row.get(NOTE)]


def reasons(tables: Tables) -> list[str]:
    """Return why the probe, or a part of it, does not apply, each reason once."""
    notes = (row.get(NOTE) for rows in tables.values() for row in rows)
    return list(dict.fromkeys(note for note in notes if note))


def where(rows: Iterable[Row], **values: Any) -> list[Row]:
    """Return the rows with these values."""
    return [row for row in rows if all(row.get(key) == one for key, one in values.items())]


def column(rows: Iterable[Row], name: str) -> list[Any]:
    """Return one column of the rows."""
    return [row[name] for row in rows]
