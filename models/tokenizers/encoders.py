"""The second encoder of an arm: what sees an image that is to be understood, beside its codes.

| encoder.kind  | what it is                                                                  |
|---------------|-----------------------------------------------------------------------------|
| none          | images are understood by their codes (`double_encoder` has efficientnet)    |
| efficientnet  | EfficientNet-lite0, from a package                                          |
| vision_tower  | SigLIP, or any vision tower of transformers, at `encoder.path`              |
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from torch import Tensor

from models.tokenizers.checkpoint import local_folder
from models.tokenizers.codec import FeatureMap
from models.tokenizers.efficientnet import CELLS, CHANNELS, ImageFeatures

KINDS = ("none", "efficientnet", "vision_tower")
EFFICIENTNET = FeatureMap(CELLS, CHANNELS)


@dataclass(frozen=True, kw_only=True)
class EncoderConfig:
    """A tower's patches are averaged to `cells` a side; EfficientNet's map has its own size."""

    kind: str = "none"
    path: str = ""
    cells: int = CELLS

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"encoder.kind must be one of {KINDS}, got {self.kind!r}.")
        if (self.kind == "vision_tower") != bool(self.path):
            rule = "name a folder or a repository" if not self.path else "be empty"
            raise ValueError(
                f"encoder.path must {rule} where encoder.kind is {self.kind}, got {self.path!r}."
            )
        if self.cells < 1 or (self.cells != CELLS and self.kind != "vision_tower"):
            rule = "be at least 1" if self.kind == "vision_tower" else f"stay {CELLS}"
            raise ValueError(
                f"encoder.cells must {rule} where encoder.kind is {self.kind}, got {self.cells}."
            )

    @property
    def variant(self) -> str | None:
        """Its cells extract features (experiments/planning/graph_variants.py)."""
        return None if self.kind == "none" else "features"


@runtime_checkable
class Encoder(Protocol):
    def encode(self, images: np.ndarray) -> Float[Tensor, "b cells features"]:
        """float16 features of images uint8 `[b h w 3]`, row by row of the map."""
        ...


def feature_map(config: EncoderConfig) -> FeatureMap | None:
    """The size of what the encoder gives, without its weights; None without an encoder."""
    if config.kind != "vision_tower":
        return EFFICIENTNET if config.kind == "efficientnet" else None
    from models.tokenizers.vision_tower import tower_channels

    folder = local_folder(config.path, "encoder.path")
    return FeatureMap(config.cells, tower_channels(folder))


def open_encoder(config: EncoderConfig) -> Encoder:
    """The encoder; EfficientNet where none is named, for the arm that has one in any case."""
    if config.kind == "vision_tower":
        from models.tokenizers.vision_tower import VisionTower

        return VisionTower(local_folder(config.path, "encoder.path"), config.cells)
    return ImageFeatures()
