"""SigLIP, or any vision tower of transformers that gives a state a patch, frozen.

The tower lies alone in its folder or inside a model of images and text (CLIP, SigLIP, a
vision-language model). Tokens that are no patch (a class token, registers) stand before the patches
and are left out; the map of patches is averaged down to one size, whatever the tower's own.
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, interpolate
from transformers import AutoConfig, AutoModel

from models.tokenizers.codec import chunks
from models.tokenizers.pixel_scale import read_scale
from models.whole_models import whole_model

TOWERS = ("vision_model", "vision_tower", "visual")
UNREAD = "pooler."
"""What is behind the states of the patches; a checkpoint need not hold it."""


class VisionTower:
    """`cells` along a side of the map that `encode` gives.

    ValueError for more than the tower has, and where the checkpoint lacks tensors.
    """

    def __init__(self, folder: Path, cells: int) -> None:
        self.network = tower_of(whole_model(AutoModel, folder, UNREAD))
        self.network = self.network.float().eval().requires_grad_(False)
        self.cells, self.scale = cells, read_scale(folder)
        settings = vision_settings(folder)
        self.side, self.patches = settings.image_size, settings.image_size // settings.patch_size
        if cells > self.patches:
            raise ValueError(
                f"encoder.cells must be at most the {self.patches} patches along a side of the "
                f"tower's image, got {cells}."
            )

    @torch.inference_mode()
    def encode(self, images: np.ndarray) -> Float[Tensor, "b cells features"]:
        """float16 features of images uint8 `[b h w 3]`, row by row of the map."""
        return torch.cat([self._cells(part) for part in chunks(images)])

    def _cells(self, images: np.ndarray) -> Float[Tensor, "b cells features"]:
        pixels = self.scale.scaled(images)
        size = (self.side, self.side)
        pixels = interpolate(pixels, size, mode="bicubic", antialias=True, align_corners=False)
        states = self.network(pixel_values=pixels).last_hidden_state
        patches = states[:, -(self.patches**2) :]
        maps = rearrange(patches, "b (y x) c -> b c y x", y=self.patches)
        pooled = adaptive_avg_pool2d(maps, self.cells)
        return rearrange(pooled, "b c y x -> b (y x) c").half()


def vision_settings(folder: Path) -> Any:
    """The tower's settings, from its own config or the whole model's.

    Raises ValueError where the model has no tower of square images and patches.
    """
    if not (folder / "config.json").exists():
        raise ValueError(f"encoder.path must hold a config.json, got {folder}.")
    config = AutoConfig.from_pretrained(folder)
    found = getattr(config, "vision_config", config)
    for name in ("image_size", "patch_size", "hidden_size"):
        if not isinstance(getattr(found, name, None), int):
            raise ValueError(
                f"encoder.path must hold a vision tower with a whole {name}, "
                f"got {config.model_type}."
            )
    return found


def tower_channels(folder: Path) -> int:
    """Features of a patch."""
    return vision_settings(folder).hidden_size


def tower_of(model: Any) -> Any:
    """The part of a model that sees; itself where it is a tower."""
    for name in TOWERS:
        if hasattr(model, name):
            return getattr(model, name)
    return model
