"""Interleaved pages in the form of Multimodal C4 (arXiv 2304.06939): JSON lines, images as files.

    {"text_list": [sentence, ...], "image_info": [{"image_name": file, "matched_text_index": i}]}

A picture's caption is the sentence that the page's makers matched with it.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Picture:
    """`file` relative to the pages' folder of images."""

    file: str
    caption: str


@dataclass(frozen=True)
class Page:
    name: str
    pictures: tuple[Picture, ...]


def read_pages(path: Path) -> Iterator[Page]:
    """The pages of a file, each named by its line; ValueError for a line that is none."""
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            name = f"{path.name}:{number}"
            try:
                yield page_of(name, json.loads(line))
            except (KeyError, TypeError, IndexError, ValueError) as error:
                raise ValueError(
                    f"{path} line {number} must be a page with text_list and image_info, "
                    f"got {type(error).__name__}: {error}."
                ) from error


def page_of(name: str, entry: Mapping[str, Any]) -> Page:
    texts = entry["text_list"]
    return Page(
        name,
        tuple(
            Picture(one["image_name"], sentence(texts, one["matched_text_index"]))
            for one in entry["image_info"]
        ),
    )


def sentence(texts: Any, index: Any) -> str:
    """The sentence of that index. TypeError or IndexError where there is none."""
    if not isinstance(texts, list) or not isinstance(texts[index], str):
        raise TypeError("text_list holds no list of texts")
    if index < 0:
        raise IndexError(f"matched_text_index is {index}")
    return texts[index]
