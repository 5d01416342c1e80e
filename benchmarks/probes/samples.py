"""Pictures with prompts for the probes, from folders in GenEval's layout.

The kind of a prompt is its tag. Prompts that ask for the same objects in other words are one: the
first stands for them.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.geneval.layout import METADATA, prompt_folders
from benchmarks.images import read_image
from benchmarks.probes.protocol import Sample
from benchmarks.records import read_lines

QUESTION = "Provide a one-sentence caption for the image:"
"""What UniFork (arXiv 2506.17202) asks about a picture."""


def distinct(records: Sequence[dict[str, Any]], per_kind: int) -> Iterator[tuple[int, dict]]:
    """Yield number and record of the first `per_kind` prompts of each tag that differ in what they
    ask for.
    """
    taken: Counter[str] = Counter()
    seen: set[str] = set()
    for number, record in enumerate(records):
        asked = repr((record["tag"], record["include"]))
        if asked not in seen and taken[record["tag"]] < per_kind:
            seen.add(asked)
            taken[record["tag"]] += 1
            yield number, record


def folder_samples(folder: Path, per_kind: int) -> list[Sample]:
    """Return the first picture of each distinct prompt of a folder in GenEval's layout.

    It is asked for a caption, and its prompt is the answer. ValueError for a prompt without
    picture.
    """
    places = prompt_folders(folder)
    records = [read_lines(place / METADATA, "tag", "include", "prompt")[0] for place in places]
    return [
        Sample(
            first_picture(places[number]),
            record["prompt"],
            record["tag"],
            QUESTION,
            record["prompt"],
        )
        for number, record in distinct(records, per_kind)
    ]


def first_picture(place: Path) -> np.ndarray:
    """Return the first picture of a prompt's folder, uint8 [h, w, 3]."""
    found = sorted((place / "samples").glob("*.png"))
    if not found:
        raise ValueError(f"{place} must hold a picture in samples/, got none.")
    return read_image(found[0])
