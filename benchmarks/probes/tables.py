"""A probe's tables: one row an observation, written as CSV; what is missing is empty, never 0."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.records import whole_file

Row = dict[str, Any]
Tables = Mapping[str, Sequence[Row]]
"""Rows by the name of their table; the row of a probe that does not apply has a `note`."""
NOTE = "note"
DIGITS = "%.6g"


def write_tables(tables: Tables, folder: Path) -> None:
    """Write `<name>.csv` of every table; one without rows is not written."""
    for name, rows in tables.items():
        if rows:
            with whole_file(folder / f"{name}.csv") as partial:
                frame(rows).to_csv(partial, index=False, float_format=DIGITS)


def frame(rows: Sequence[Row]) -> pd.DataFrame:
    """Return the rows as a table whose last column is the note."""
    found = pd.DataFrame(list(rows))
    notes = found.pop(NOTE) if NOTE in found else pd.Series("", index=found.index)
    return found.assign(**{NOTE: notes.fillna("")})


def read_table(path: Path) -> pd.DataFrame:
    """Return a table that `write_tables` wrote."""
    return pd.read_csv(path, keep_default_na=False, na_values=[""])


def applies(tables: Tables) -> bool:
    """Return whether any row is an observation."""
    return any(NOTE not in row for rows in tables.values() for row in rows)


def reasons(tables: Tables) -> list[str]:
    """Return why the probe, or a part of it, does not apply, each reason once."""
    return list(dict.fromkeys(row[NOTE] for rows in tables.values() for row in rows if NOTE in row))
