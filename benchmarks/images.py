"""Images between a model, the disk and a judge, a batch at a time, so that memory does not grow
with their number.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from PIL import Image, ImageOps

from benchmarks.protocol import Model, Request
from benchmarks.records import whole_file

BATCH = 256
"""Requests or images handed over at a time; a model or judge may split them further."""

T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of `size` items, the last one shorter."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def draw(model: Model, requests: Iterable[Request]) -> Iterator[np.ndarray]:
    """Yield the model's image, uint8 [h, w, 3], of each request; ValueError if it returns anything
    else.
    """
    for chunk in batched(requests, BATCH):
        images = model.generate(chunk)
        if len(images) != len(chunk):
            raise ValueError(f"generate must return {len(chunk)} images, got {len(images)}.")
        for image in images:
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
                raise ValueError(
                    f"an image must be uint8 [h, w, 3], got {image.dtype} {list(image.shape)}."
                )
            yield image


def write_image(path: Path, image: np.ndarray) -> None:
    """Write a lightly compressed PNG."""
    with whole_file(path) as partial:
        Image.fromarray(image).save(partial, format="PNG", compress_level=1)


def read_image(source: Path | BinaryIO) -> np.ndarray:
    """Return uint8 [h, w, 3], turned upright where EXIF says that it lies; OSError if the file is
    missing or damaged.
    """
    try:
        with Image.open(source) as image:
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    except SyntaxError as error:  # of EXIF
        raise OSError(f"{source} must be a whole image, got: {error}.") from error


def image_batches(
    folder: Path, names: Sequence[str], size: int = BATCH
) -> Iterator[tuple[list[str], list[np.ndarray]]]:
    """Yield the names and images that can be read, in order; the caller sees what is absent."""
    for chunk in batched(names, size):
        readable: dict[str, np.ndarray] = {}
        for name in chunk:
            try:
                readable[name] = read_image(folder / name)
            except OSError:  # missing or truncated: `require_complete` counts and names it
                continue
        if readable:
            yield list(readable), list(readable.values())
