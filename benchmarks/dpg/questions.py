"""DPG's questions CSV, as it stands and as the official code reads it; and its prompts."""

import csv
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.records import index_by, read_json, require_complete, whole_file

COLUMNS: Sequence[str] = (
    "item_id",
    "text",
    "keywords",
    "proposition_id",
    "dependency",
    "category_broad",
    "category_detailed",
    "tuple",
    "question_natural_language",
)
NO_PARENT = 0
Row = Mapping[Any, Any]


def write_questions(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as the official CSV."""
    with whole_file(path) as partial, partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def read_rows(path: Path) -> Sequence[Row]:
    """Return the CSV's rows, propositions as plain numbers ("01" is "1").

    ValueError for a lacking column, for no row at all, for a row with fewer or more cells than
    columns (the last of a file that is half there), or for what is no number.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        columns, rows = list(reader.fieldnames or ()), list(reader)
    if lacking := [name for name in COLUMNS if name not in columns]:
        raise ValueError(f"{path} must have the column {lacking[0]!r}, got {columns}.")
    if not rows:
        raise ValueError(f"{path} must have at least one question, got none.")
    for number, row in enumerate(rows, start=1):
        if None in row or None in row.values():  # as DictReader marks too many, and too few
            raise ValueError(
                f"{path} question {number} must have a cell for each of {len(columns)} columns, "
                f"got {'more' if None in row else 'fewer'} (item {row['item_id']!r})."
            )
        numbers = [row["proposition_id"], *row["dependency"].split(",")]
        if not numbers[0] or not all(one.strip().isdigit() or not one for one in numbers):
            raise ValueError(
                f"{path} question {number} must have whole numbers as proposition and dependency, "
                f"got {row['proposition_id']!r} and {row['dependency']!r}."
            )
        row["proposition_id"] = str(int(numbers[0]))
    return rows


def read_questions(path: Path) -> dict[str, list[Row]]:
    """Return the CSV's questions by item.

    ValueError for a lacking column, a duplicate proposition, or a dependency on one that the item
    does not have.
    """
    rows = read_rows(path)
    propositions = index_by(rows, "item_id", "proposition_id")
    items: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        items[row["item_id"]].append(row)
        for parent in parents(row):
            if (row["item_id"], parent) not in propositions:
                where = f"{row['item_id']} proposition {row['proposition_id']}"
                raise ValueError(f"{where} must depend on one of its item, got {parent!r}.")
    return dict(items)


def read_official(path: Path) -> dict[str, list[Row]]:
    """Return the questions by item as the official code sees them.

    It passes over the first row of the file; a proposition that comes twice keeps its place and its
    later row; an item whose rows stand apart keeps its last block alone.
    """
    items: dict[str, dict[str, Row]] = {}
    previous = None
    for row in read_rows(path)[1:]:
        if row["item_id"] != previous:
            items[row["item_id"]] = {}
        items[row["item_id"]][row["proposition_id"]] = row
        previous = row["item_id"]
    return {name: list(rows.values()) for name, rows in items.items()}


def parents(row: Row) -> list[str]:
    """Return the propositions that a question depends on; 0 in the file means none."""
    named = [part.strip() for part in row["dependency"].split(",")]
    return [str(int(name)) for name in named if name and int(name) != NO_PARENT]


def category(row: Row) -> str:
    """Return what stands before the bracket of a question's tuple: "attribute - color".

    Where there is no tuple, the columns for it.
    """
    named = row["tuple"].split("(")[0].strip()
    return named or f"{row['category_broad']} - {row['category_detailed']}".strip()


def read_texts(path: Path) -> dict[str, str]:
    """Return the prompts by item: a folder of `<item>.txt`, or a JSON of file names and texts."""
    if path.is_dir():
        texts = {one.name: one.read_text() for one in sorted(path.glob("*.txt"))}
    else:
        texts = read_json(path)
    if not texts or not isinstance(texts, dict):
        raise ValueError(f"{path} must hold prompts by file name, got none.")
    return {name.removesuffix(".txt"): str(text).strip() for name, text in texts.items()}


def prompt_texts(items: Mapping[str, Sequence[Row]], path: Path | None) -> dict[str, str]:
    """Return the text to draw of each item: the CSV's, or that of `path`.

    ValueError if `path` has other items than the CSV.
    """
    if path is None:
        return {name: rows[0]["text"] for name, rows in items.items()}
    texts = read_texts(path)
    require_complete("prompts", items, texts, allow_missing=False)
    return {name: texts[name] for name in items}


def are_rewritten(items: Mapping[str, Sequence[Row]], texts: Mapping[str, str]) -> bool:
    """Return whether a text differs from the CSV's in more than its spaces."""
    return any(texts[name].split() != rows[0]["text"].split() for name, rows in items.items())


def canonical(texts: Mapping[str, str]) -> bytes:
    """Return the texts as bytes to be hashed."""
    return json.dumps(dict(sorted(texts.items()))).encode()
