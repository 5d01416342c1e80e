"""MME's files, `<subtask>.txt` of two lines for each image, and whether they have all of them."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from benchmarks.records import require_complete

logger = logging.getLogger(__name__)

PERCEPTION = (
    "existence",
    "count",
    "position",
    "color",
    "posters",
    "celebrity",
    "scene",
    "landmark",
    "artwork",
    "OCR",
)
COGNITION = (
    "commonsense_reasoning",
    "numerical_calculation",
    "text_translation",
    "code_reasoning",
)
SUBTASKS = PERCEPTION + COGNITION
OFFICIAL_LINES: Mapping[str, int] = dict(
    zip(SUBTASKS, (60, 60, 60, 60, 294, 340, 400, 400, 400, 40, 140, 40, 40, 40), strict=True)
)
ASKED = "asked"
"""In the manifest: the images that were asked about, by subtask."""


class Line(NamedTuple):
    """One line of a subtask's file: image, question, right answer and, once asked, the reply."""

    image: str
    question: str
    truth: str
    reply: str = ""


def read_lines(path: Path, columns: int) -> list[Line]:
    """Return the lines of a subtask's file, image by image.

    ValueError names the line that has not `columns` cells, whose answer is not yes or no, or whose
    neighbour in the pair is about another image.
    """
    text = path.read_text(encoding="utf-8")
    rows = [row.split("\t") for row in text.removesuffix("\n").split("\n")] if text else []
    if not rows or len(rows) % 2:
        raise ValueError(f"{path} must have two lines for each image, got {len(rows)} lines.")
    for number, row in enumerate(rows, start=1):
        where = f"{path} line {number}"
        if len(row) != columns:
            raise ValueError(f"{where} must have {columns} cells, got {len(row)}.")
        if row[2].lower() not in ("yes", "no"):
            raise ValueError(f"{where} must have the answer yes or no, got {row[2]!r}.")
        if number % 2 == 0 and row[0] != rows[number - 2][0]:
            raise ValueError(f"{where} must be about the image of the line before, got {row[0]!r}.")
    return [Line(*row) for row in rows]


def missing_images(
    asked: Mapping[str, Sequence[str]], lines: Mapping[str, Sequence[Line]], allow_missing: bool
) -> list[str]:
    """Return the images asked about that a subtask's file has no lines for, `<subtask>/<image>`;
    MissingItemsError for any, unless they may be missing.
    """
    known = {name: [line.image for line in found[::2]] for name, found in lines.items()}
    expected = _numbered({name: asked.get(name, images) for name, images in known.items()})
    return require_complete("images of subtasks", expected, _numbered(known), allow_missing)


def _numbered(images: Mapping[str, Sequence[str]]) -> list[str]:
    """Return `<subtask>/<image>`, told apart by a number where a subtask asks twice about one."""
    names = []
    for subtask, found in images.items():
        times: Counter[str] = Counter()
        for image in found:
            times[image] += 1
            names.append(f"{subtask}/{image}" + f" ({times[image]})" * (times[image] > 1))
    return names


def unlike_official(lines: Mapping[str, Sequence[Line]]) -> dict[str, str]:
    """Return, and tell, which subtasks' files have not as many lines as the official ones."""
    unlike = {
        name: f"{len(found)} lines, officially {OFFICIAL_LINES[name]}"
        for name, found in lines.items()
        if len(found) != OFFICIAL_LINES[name]
    }
    if unlike:
        logger.warning("not MME's own numbers of lines: %s", unlike)
    return unlike


def digest(lines: Sequence[Line]) -> str:
    """Return the hash of what was asked, whatever the replies."""
    return sha256(repr([line[:3] for line in lines]).encode()).hexdigest()
