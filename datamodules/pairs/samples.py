"""What every form of data becomes: a sample, or the name of one that is broken and why.

A source gives samples by index, in any order and in any process, so that which samples a step sees
can be a function of the step. A sample that cannot be read is no error of the source: it is handed
on as `Broken`, counted and named (`faults.py`).
"""

import io
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image, ImageOps

Turns = tuple[tuple[str, str], ...]
"""Questions with answers."""
DAMAGED = (OSError, SyntaxError, ValueError, RuntimeError, struct.error)
"""What Pillow raises for a damaged picture, by its format and by where the damage is."""


class BrokenSampleError(ValueError):
    """One sample is not as it should be; the message says the rule and what came."""


@dataclass(frozen=True)
class Sample:
    """`image` is uint8 [h, w, 3], or None where the text is about none. `encoded` is the image as
    `precompute` left it: codes [p], or latents [c, h, w]. Where there are `sources`, the caption is
    the instruction that makes the image from those."""

    name: str
    image: np.ndarray | None = None
    caption: str = ""
    turns: Turns = ()
    encoded: np.ndarray | None = None
    sources: tuple[np.ndarray, ...] = ()


@dataclass(frozen=True)
class Broken:
    """A sample that was skipped."""

    name: str
    reason: str


class Positions(Protocol):
    """Samples by position; `read` raises BrokenSampleError for one that cannot be used."""

    def name(self, index: int) -> str: ...

    def read(self, index: int) -> Sample: ...


class Source(Positions, Protocol):
    """So many samples, by index."""

    def __len__(self) -> int: ...


def read_or_name(positions: Positions, index: int) -> Sample | Broken:
    """The sample at a position, or what is wrong with it."""
    try:
        return positions.read(index)
    except BrokenSampleError as error:
        return Broken(positions.name(index), str(error))


def file_below(folder: Path, name: Any) -> Path:
    """The file of that name; BrokenSampleError for a name that is no text."""
    if not isinstance(name, str):
        raise BrokenSampleError(f"an image must be given by the name of its file, got {name!r}.")
    return folder / name


def decoded(image: bytes | Path | None) -> np.ndarray:
    """uint8 [h, w, 3] of an image file, turned as its EXIF orientation says.

    BrokenSampleError where there is none, or one that is damaged. A palette or an alpha channel is
    laid on white.
    """
    if image is None:
        raise BrokenSampleError("a sample must have an image, got none.")
    try:
        with Image.open(io.BytesIO(image) if isinstance(image, bytes) else image) as opened:
            upright = ImageOps.exif_transpose(opened)
            return np.asarray(on_white(upright))
    except FileNotFoundError:
        raise BrokenSampleError(f"a sample must have an image, got no file {image}.") from None
    except BrokenSampleError:
        raise
    except (*DAMAGED, Image.DecompressionBombError) as error:
        raise BrokenSampleError(f"an image must be whole, got {error}.") from error


def on_white(image: Image.Image) -> Image.Image:
    """The picture in RGB, what is transparent in it white; of 16 bits the upper 8.

    BrokenSampleError for numbers of 32 bits, which do not say how much is white.
    """
    if image.mode in ("I", "F"):
        raise BrokenSampleError(f"an image must have 8 or 16 bits, got the mode {image.mode}.")
    if image.mode.startswith("I;16"):
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if not image.has_transparency_data:
        return image.convert("RGB")
    layered = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), layered).convert("RGB")
