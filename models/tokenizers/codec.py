"""What every image tokenizer can do, and the part that all pretrained ones share.

A pretrained codec is a frozen network with a codebook; an image is `grid` x `grid` codes.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

from models.tokenizers.pixel_scale import PixelScale

CHUNK = 16
"""Images that pass a pretrained network at once."""
NETWORK, ABOUT = "network", "codec.json"


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
class Codec(Protocol):
    """Images `[b h w 3]` uint8 to what stands at their positions, in raster order, and back.

    `depths`: how many codes share a position; they are written as one (residual_codes.py), and a
    depth head of `head_layers` blocks predicts them. One that `is_continuous` has no codes; vectors
    `[b p l]` take their place, and its one code is a placeholder.
    """

    depths: int
    head_layers: int
    is_continuous: bool

    @property
    def config(self) -> Sizes: ...
    def encode(self, images: np.ndarray) -> Tensor: ...
    def decode(self, codes: Tensor) -> np.ndarray: ...
    def reconstruct(self, images: np.ndarray) -> np.ndarray: ...

    def features(self) -> Float[Tensor, "v w"]:
        """What the trunk sees of every code; the codes of all depths, end to end."""
        ...

    def latents(self) -> Float[Tensor, "v l"]:
        """The vector of every code, at about unit variance; all depths, end to end."""
        ...

    def nearest(self, latents: Float[Tensor, "b p l"]) -> Tensor:
        """What `decode` takes for such vectors."""
        ...


@dataclass(frozen=True)
class CodecSizes:
    """Sizes of a pretrained codec: `pixels` along a side, of which a token covers `patch`."""

    kind: str
    pixels: int
    patch: int
    codes: int

    def __post_init__(self) -> None:
        if self.pixels % self.patch:
            raise ValueError(
                f"tokenizer.pixels must be a multiple of the {self.patch} pixels that a token of "
                f"tokenizer.kind={self.kind} covers, got {self.pixels}."
            )

    @property
    def grid(self) -> int:
        return self.pixels // self.patch

    @property
    def tokens_per_image(self) -> int:
        return self.grid**2


class PretrainedCodec(ABC):
    """A frozen network between images and codes; a subclass says how to call it.

    `codebook` [v l] holds the vectors that the network's decoder reads.
    """

    kind: str
    depths, head_layers, is_continuous = 1, 0, False

    def __init__(self, network: Any, codebook: Tensor, patch: int, scale: PixelScale) -> None:
        self.network = network.float().eval().requires_grad_(False)
        self.codebook, self.patch, self.scale = codebook.detach().float(), patch, scale

    def sized(self, pixels: int) -> "PretrainedCodec":
        """Set to images of `pixels`; ValueError where its tokens do not tile them."""
        self.config = CodecSizes(self.kind, pixels, self.patch, len(self.codebook))
        return self

    @classmethod
    @abstractmethod
    def open(cls, folder: Path) -> "PretrainedCodec":
        """Read from a checkpoint; ValueError names what is missing, extra or misshapen."""

    def quantise(self, pixels: Float[Tensor, "b 3 h w"]) -> Int[Tensor, "b y x"]:
        """The codes of scaled pixels."""
        raise NotImplementedError

    @abstractmethod
    def restore(self, codes: Tensor) -> Float[Tensor, "b 3 h w"]:
        """Scaled pixels of codes `[b y x]`."""

    @torch.no_grad()
    def encode(self, images: np.ndarray) -> Int[Tensor, "b p"]:
        """Codes in raster order of uint8 images `[b h w 3]`; ValueError for another size."""
        self.check(images)
        parts = [self.quantise(self.scale.scaled(part)) for part in chunks(images)]
        return rearrange(torch.cat(parts), "b y x -> b (y x)").long()

    def check(self, images: np.ndarray) -> None:
        side = self.config.pixels
        if images.shape[1:3] != (side, side):
            raise ValueError(
                f"images must have tokenizer.pixels={side} a side, got {images.shape[1:3]}."
            )

    @torch.no_grad()
    def decode(self, codes: Int[Tensor, "b p"]) -> np.ndarray:
        """uint8 images `[b h w 3]` of codes in raster order."""
        squares = rearrange(codes, "b (y x) -> b y x", y=self.config.grid)
        return np.concatenate([self.scale.images(self.restore(part)) for part in chunks(squares)])

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        return self.decode(self.encode(images))

    @property
    def deviation(self) -> Float[Tensor, ""]:
        """One scale for all channels, so that what is nearest stays nearest."""
        return self.codebook.std(0).square().mean().sqrt()

    def latents(self) -> Float[Tensor, "v l"]:
        return self.codebook / self.deviation

    def features(self) -> Float[Tensor, "v l"]:
        """The trunk sees a code as its vector."""
        return self.latents()

    def nearest(self, latents: Float[Tensor, "b p l"]) -> Int[Tensor, "b p"]:
        """The codes whose scaled vectors are nearest."""
        table = self.latents().to(latents.device)
        return torch.stack([torch.cdist(image.float(), table).argmin(-1) for image in latents])

    def save(self, folder: Path) -> None:
        """Keep a copy, so that a run does not depend on where the checkpoint was."""
        self.save_network(folder)
        about = {"kind": self.kind, "pixels": self.config.pixels, "scale": asdict(self.scale)}
        (folder / ABOUT).write_text(json.dumps(about))

    def save_network(self, folder: Path) -> None:
        """The network in its own format."""
        self.network.save_pretrained(folder / NETWORK)


def image_ids(codec: Codec, images: np.ndarray) -> list[list[int]]:
    """The codes at the positions of uint8 images `[b h w 3]`; placeholders where there are none."""
    if codec.is_continuous:
        return [[0] * codec.config.tokens_per_image for _ in images]
    return codec.encode(images).tolist()


def chunks(rows: Any) -> Iterator[Any]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]
