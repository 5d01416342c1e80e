"""What every image tokenizer can do: images to codes, or to latents without codes, and back.

Beside it the size of what an encoder gives that only looks.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from torch import Tensor

CHUNK = 16
"""Images that pass a pretrained network at once."""


@runtime_checkable
class Sizes(Protocol):
    """`pixels` and `grid` count along one side of an image."""

    @property
    def pixels(self) -> int: ...
    @property
    def grid(self) -> int: ...
    @property
    def codes(self) -> int: ...
    @property
    def tokens_per_image(self) -> int: ...


@runtime_checkable
class Codebook(Protocol):
    """What a trunk has to know of a codec.

    `depths`: how many codes share a position; they are written as one (residual_codes.py), and a
    depth head of `head_layers` blocks predicts them.
    """

    depths: int
    head_layers: int

    @property
    def config(self) -> Sizes: ...

    def features(self) -> Float[Tensor, "v w"]:
        """What the trunk sees of every code; the codes of all depths, end to end."""
        ...


@dataclass(frozen=True)
class FeatureMap:
    """What a second encoder gives of an image: `cells` a side, each of `channels` features."""

    cells: int
    channels: int


@runtime_checkable
class Codec(Codebook, Protocol):
    """Images `[b h w 3]` uint8 to what stands at their positions, in raster order, and back.

    One that `is_continuous` has no codes; vectors `[b p l]` take their place, and its one code is a
    placeholder.
    """

    is_continuous: bool

    def encode(self, images: np.ndarray) -> Tensor: ...
    def decode(self, codes: Tensor) -> np.ndarray: ...
    def reconstruct(self, images: np.ndarray) -> np.ndarray: ...

    def latents(self) -> Float[Tensor, "v l"]:
        """The vector of every code, at about unit variance; all depths, end to end."""
        ...

    def nearest(self, latents: Float[Tensor, "b p l"]) -> Tensor:
        """What `decode` takes for such vectors."""
        ...


def image_ids(codec: Codec, images: np.ndarray) -> list[list[int]]:
    """The codes at the positions of uint8 images `[b h w 3]`; placeholders where there are none."""
    if codec.is_continuous:
        return [[0] * codec.config.tokens_per_image for _ in images]
    return codec.encode(images).tolist()


def chunks(rows: Any) -> Iterator[Any]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]
