"""Captions of COCO's annotations, and the sample of them that is drawn.

Images are put in the order of a hash of seed and name, and the first are taken, each with the
caption that its hash points at: no library's random numbers are in play, and a smaller sample is
part of a larger one. Published figures use fixed lists of other random samples, which differ from
paper to paper.
"""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.records import read_json, write_json

SAMPLES = 30_000
NAMED = 5
"""How many images an error names."""
FIELDS = {"images": ("id", "file_name"), "annotations": ("image_id", "caption")}
CATEGORY = "images"
"""MJHQ's meta form wants a category: all of COCO is one."""

Captions = Mapping[str, Sequence[str]]
"""Captions by the image: its file's name without suffix."""


def read_captions(path: Path) -> dict[str, list[str]]:
    """Return the captions of each image of an annotations file, captions_val2014.json say.

    ValueError for a file of another form, an entry without a field, an image twice or without a
    caption, a caption of no image.
    """
    document = read_json(path)
    for part, fields in FIELDS.items():
        _require_rows(path, document, part, fields)
    stems = {image["id"]: Path(image["file_name"]).stem for image in document["images"]}
    captions: dict[str, list[str]] = {stem: [] for stem in stems.values()}
    if len(captions) < len(document["images"]):
        again = len(document["images"]) - len(captions)
        raise ValueError(f"{path} must name each image once, got {again} again.")
    for row in document["annotations"]:
        if row["image_id"] not in stems:
            raise ValueError(f"{path} must caption its own images, got image {row['image_id']!r}.")
        captions[stems[row["image_id"]]].append(" ".join(str(row["caption"]).split()))
    if bare := [stem for stem, texts in captions.items() if not any(texts)]:
        raise ValueError(
            f"{path} must caption each image, got none for {len(bare)}: {', '.join(bare[:NAMED])}."
        )
    return captions


def _require_rows(path: Path, document: Any, part: str, fields: Sequence[str]) -> None:
    rows = document.get(part) if isinstance(document, dict) else None
    if not isinstance(rows, list) or not rows:
        raise ValueError(f"{path} must hold COCO's captions, got no list {part!r}.")
    for number, row in enumerate(rows):
        if lacking := [name for name in fields if not isinstance(row, dict) or name not in row]:
            raise ValueError(f"{path} {part} {number} must have {lacking[0]!r}, got {row!r}.")


def sample(captions: Captions, samples: int = SAMPLES, seed: int = 0) -> dict[str, str]:
    """Return one caption each of `samples` images, in the images' order.

    ValueError if there are fewer images.
    """
    if samples > len(captions):
        raise ValueError(
            f"--samples must be at most the number of captioned images, {len(captions)}, "
            f"got {samples}."
        )
    lots = {stem: _lot(seed, stem) for stem in captions}
    taken = set(sorted(lots, key=lambda stem: (lots[stem], stem))[:samples])
    texts = {stem: [text for text in captions[stem] if text] for stem in captions if stem in taken}
    return {stem: found[lots[stem] % len(found)] for stem, found in texts.items()}


def _lot(seed: int, stem: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed} {stem}".encode()).digest())


def write_meta(path: Path, texts: Mapping[str, str]) -> Path:
    """Write captions by image in the form of MJHQ's meta file, which drawing and judging read."""
    write_json(path, {stem: {"category": CATEGORY, "prompt": text} for stem, text in texts.items()})
    return path
