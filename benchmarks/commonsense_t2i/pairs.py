"""The pairs of prompts, from the official data.json or the same columns as CSV, and where images
of them lie: `prompt1_img/original/0001-1.jpg`, the official layout.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal

from benchmarks.records import read_json, read_lines

Side = Literal[1, 2]
"""Which of a pair's two prompts."""
SIDES: tuple[Side, Side] = (1, 2)
NEEDED = ("prompt1", "prompt2", "description1", "description2")
KNOWN = (*NEEDED, "category", "likelihood")
"""The columns; the last two annotate a pair."""


@dataclass(frozen=True)
class Pair:
    """Two prompts, and for each what its image must show."""

    prompts: tuple[str, str]
    descriptions: tuple[str, str]
    category: str

    def prompt(self, side: Side) -> str:
        """Return the prompt of one side."""
        return self.prompts[side - 1]

    def opposed(self, side: Side) -> str:
        """Return the other side's prompt: the official negative prompt."""
        return self.prompts[2 - side]


def read_pairs(path: Path) -> list[Pair]:
    """Return the pairs of a JSON list, of JSON lines or of a CSV.

    ValueError names a column that is missing or unknown, and the row of an empty text.
    """
    rows = _read_rows(path)
    pairs = []
    for number, row in enumerate(rows, start=1):
        texts = [_text(path, number, row, column) for column in NEEDED]
        category = str(row.get("category") or "all")
        pairs.append(Pair((texts[0], texts[1]), (texts[2], texts[3]), category))
    return pairs


def _read_rows(path: Path) -> Sequence[Mapping[str, Any]]:
    if path.suffix == ".csv":
        with path.open(newline="", encoding="utf-8") as file:
            table = csv.DictReader(file)
            rows = list(table)
            _require_columns(f"{path}", table.fieldnames or ())
    elif path.read_text().lstrip().startswith("["):
        rows = read_json(path)
    else:
        rows = read_lines(path)
    if not rows:
        raise ValueError(f"{path} must hold at least one pair of prompts, got none.")
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict) or None in row:
            raise ValueError(f"{path} pair {number} must have {', '.join(KNOWN)}, got {row!r}.")
        _require_columns(f"{path} pair {number}", row)
    return rows


def _require_columns(place: str, columns: Sequence[str] | Mapping[str, Any]) -> None:
    if lacking := [name for name in NEEDED if name not in columns]:
        raise ValueError(f"{place} must have {lacking[0]!r}, got {', '.join(columns)}.")
    if unknown := [name for name in columns if name not in KNOWN]:
        raise ValueError(f"{place} must have no column but {', '.join(KNOWN)}, got {unknown[0]!r}.")


def _text(path: Path, number: int, row: Mapping[str, Any], column: str) -> str:
    """Return a text; descriptions of several lines are joined by commas, as officially."""
    text = row[column]
    if not isinstance(text, str) or not text.strip():
        raise ValueError(f"{path} pair {number} must have a text as {column}, got {text!r}.")
    return text.replace("\n", ", ") if column.startswith("description") else text


@dataclass(frozen=True, order=True)
class Slot:
    """The place of an image: pair and image count from 1, as the official names do."""

    pair: int
    side: Side
    image: int

    @property
    def name(self) -> str:
        """The path of the image, without suffix."""
        return f"prompt{self.side}_img/original/{self.pair:04d}-{self.image}"


def slots(pairs: Sequence[Pair], images_per_prompt: int) -> list[Slot]:
    """Return the places of all images, pair by pair."""
    numbers = range(1, len(pairs) + 1), SIDES, range(1, images_per_prompt + 1)
    return [Slot(*place) for place in product(*numbers)]
