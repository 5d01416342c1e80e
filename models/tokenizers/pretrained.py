"""What pretrained image tokenizers share: a frozen network, its sizes, and a copy for a run."""

import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor

from models.tokenizers.codec import chunks
from models.tokenizers.pixel_scale import PixelScale

NETWORK, ABOUT = "network", "codec.json"


@dataclass(frozen=True)
class PretrainedSizes:
    """`pixels` along a side, of which a token covers `patch`; the placeholder counts as a code."""

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
    """A frozen network, which sees an image in tokens of `patch` x `patch` pixels.

    `table` [v l] holds the vectors that its decoder reads, one a code.
    """

    kind: str
    depths, head_layers, is_continuous = 1, 0, False

    def __init__(self, network: Any, table: Tensor, patch: int, scale: PixelScale) -> None:
        self.network = network.float().eval().requires_grad_(False)
        self.table, self.patch, self.scale = table.detach().float(), patch, scale

    @classmethod
    @abstractmethod
    def open(cls, folder: Path) -> "PretrainedCodec":
        """Read from a checkpoint; ValueError names what is missing, extra or misshapen."""

    def sized(self, pixels: int) -> "PretrainedCodec":
        """Itself, set to images of `pixels`; ValueError where its tokens do not tile them."""
        self.config = PretrainedSizes(self.kind, pixels, self.patch, len(self.table))
        return self

    def check(self, images: np.ndarray) -> None:
        """Raises ValueError for images of another size."""
        side = self.config.pixels
        if images.shape[1:3] != (side, side):
            raise ValueError(
                f"images must have tokenizer.pixels={side} a side, got {images.shape[1:3]}."
            )

    @abstractmethod
    def encode(self, images: np.ndarray) -> Tensor:
        """What stands at the positions of uint8 images `[b h w 3]`, in raster order."""

    @abstractmethod
    def restore(self, squares: Tensor) -> Float[Tensor, "b 3 h w"]:
        """Scaled pixels of codes `[b y x]`, or of latents `[b y x l]`."""

    @torch.no_grad()
    def decode(self, codes: Tensor) -> np.ndarray:
        """uint8 images `[b h w 3]` of what `encode` gives."""
        squares = rearrange(codes, "b (y x) ... -> b y x ...", y=self.config.grid)
        return np.concatenate([self.scale.images(self.restore(part)) for part in chunks(squares)])

    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        return self.decode(self.encode(images))

    @abstractmethod
    def latents(self) -> Float[Tensor, "v l"]:
        """The vector of every code, at about unit variance."""

    @abstractmethod
    def nearest(self, latents: Float[Tensor, "b p l"]) -> Tensor:
        """What `decode` takes for such vectors."""

    def features(self) -> Float[Tensor, "v l"]:
        """The trunk sees a code as its vector."""
        return self.latents()

    def save(self, folder: Path) -> None:
        """Keep a copy, so that a run does not depend on where the checkpoint was."""
        self.save_network(folder / NETWORK)
        about = {"kind": self.kind, "pixels": self.config.pixels, "scale": asdict(self.scale)}
        (folder / ABOUT).write_text(json.dumps(about))

    def save_network(self, folder: Path) -> None:
        """The network in its own format."""
        self.network.save_pretrained(folder)


class CodebookCodec(PretrainedCodec):
    """One that quantises to the nearest of its table's vectors."""

    @abstractmethod
    def quantise(self, pixels: Float[Tensor, "b 3 h w"]) -> Int[Tensor, "b y x"]:
        """The codes of scaled pixels."""

    @torch.no_grad()
    def encode(self, images: np.ndarray) -> Int[Tensor, "b p"]:
        self.check(images)
        parts = [self.quantise(self.scale.scaled(part)) for part in chunks(images)]
        return rearrange(torch.cat(parts), "b y x -> b (y x)").long()

    def latents(self) -> Float[Tensor, "v l"]:
        """One scale serves all channels, so that what is nearest stays nearest."""
        return self.table / self.table.std(0).square().mean().sqrt()

    def nearest(self, latents: Float[Tensor, "b p l"]) -> Int[Tensor, "b p"]:
        """The codes whose scaled vectors are nearest."""
        table = self.latents().to(latents.device)
        return torch.stack([torch.cdist(image.float(), table).argmin(-1) for image in latents])
