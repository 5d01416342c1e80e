"""MMMU's questions: from JSON with image files beside it, or from the data set's own parquet files,
which hold their images.
"""

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.vqa.official_files import index_rows, read_rows

PARQUET = ".parquet"
SPLIT = "validation"
IMAGES_AT_MOST = 7
COLUMNS = ("question", "question_type", "answer", "options")
DOMAINS = {
    "Art and Design": ("Art", "Art_Theory", "Design", "Music"),
    "Business": ("Accounting", "Economics", "Finance", "Manage", "Marketing"),
    "Science": ("Biology", "Chemistry", "Geography", "Math", "Physics"),
    "Health and Medicine": (
        "Basic_Medical_Science",
        "Clinical_Medicine",
        "Diagnostics_and_Laboratory_Medicine",
        "Pharmacy",
        "Public_Health",
    ),
    "Humanities and Social Science": ("History", "Literature", "Psychology", "Sociology"),
    "Tech and Engineering": (
        "Agriculture",
        "Architecture_and_Engineering",
        "Computer_Science",
        "Electronics",
        "Energy_and_Power",
        "Materials",
        "Mechanical_Engineering",
    ),
}
DOMAIN_OF = {subject: domain for domain, subjects in DOMAINS.items() for subject in subjects}

Row = Mapping[str, Any]


def subject_of(name: str) -> str:
    """Return the subject of an id such as `validation_Art_Theory_1`."""
    return "_".join(name.split("_")[1:-1])


def subject_files(folder: Path) -> dict[str, Path]:
    """Return the parquet files of the validation split by subject, `<subject>/validation*.parquet`,
    in the official order of subjects.

    ValueError if there are none, or two of a subject.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.glob(f"*/{SPLIT}*{PARQUET}")):
        if (subject := path.parent.name) in found:
            raise ValueError(f"{folder} must have one file a subject, got two of {subject}.")
        found[subject] = path
    if not found:
        raise ValueError(f"{folder} must hold <subject>/{SPLIT}*{PARQUET}, got none.")
    return found


def read_questions(path: Path) -> dict[str, Row]:
    """Return the questions of a parquet file, a JSON list or lines, by id.

    ValueError for a damaged file, a lacking column or an id twice.
    """
    rows = _read_parquet(path) if path.suffix == PARQUET else read_rows(path, "id")
    return index_rows(path, rows, "id", *COLUMNS)


def _read_parquet(path: Path) -> list[dict[str, Any]]:
    from pyarrow import ArrowInvalid, parquet  # heavy: only these files need it

    try:
        return parquet.read_table(path).to_pylist()
    except ArrowInvalid as error:
        raise ValueError(f"{path} must be a whole parquet file, got: {error}.") from error


def images_of(row: Row, folder: Path | None) -> tuple[Path | bytes, ...]:
    """Return the images of a question, `image_1` to `image_7`: the bytes of files, or their paths.

    ValueError for a name where there is no folder.
    """
    cells = [row.get(f"image_{number}") for number in range(1, IMAGES_AT_MOST + 1)]
    return tuple(_image(row, cell, folder) for cell in cells if cell)


def _image(row: Row, cell: str | Mapping[str, Any], folder: Path | None) -> Path | bytes:
    name = cell if isinstance(cell, str) else cell["bytes"] or cell["path"]
    if isinstance(name, bytes):
        return name
    if folder is None:
        raise ValueError(f"--images must name the folder of {name} of {row['id']}, got none.")
    return folder / name


def listed(value: Any) -> Any:
    """Return a list that the data set writes as its Python text; anything else as it is."""
    if not (isinstance(value, str) and value.startswith("[")):
        return value
    try:
        return ast.literal_eval(value)
    except (SyntaxError, ValueError):
        raise ValueError(f"a list must be written as Python writes it, got {value!r}.") from None
