"""Records of how like images are: one an image, whatever its suffix, of cosines that can be."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.image_judging import FILE
from benchmarks.records import read_lines

ROUNDING = 1e-3
"""By how much a cosine in half precision may lie beyond 1."""


def read_named(path: Path, *fields: str) -> dict[str, Mapping[str, Any]]:
    """Return the records of a file by the names of their images, without suffix.

    ValueError as `read_lines`, and for two records of one name.
    """
    named: dict[str, Mapping[str, Any]] = {}
    for row in read_lines(path, FILE, *fields):
        name = str(row[FILE]).rpartition(".")[0]
        if name in named:
            both = f"{named[name][FILE]} and {row[FILE]}"
            raise ValueError(f"{path} must hold one record an image, got {both}.")
        named[name] = row
    return named


def cosine(path: Path, what: str, value: Any) -> float:
    """Return `value`; ValueError that names file and subject unless it is a number in [-1, 1]."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not abs(value) <= 1 + ROUNDING:  # NaN is not
        raise ValueError(f"{path} must give {what} a cosine in [-1, 1], got {value!r}.")
    return float(value)
