"""How a pretrained network wants its pixels: as the image processor beside it says.

scaled = (uint8 * factor - mean) / deviation          by channel; [-1, 1] where nothing is said
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

PROCESSORS = ("preprocessor_config.json", "processor_config.json")
HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class PixelScale:
    factor: float = 1 / 255
    mean: tuple[float, ...] = HALF
    deviation: tuple[float, ...] = HALF

    def scaled(self, images: np.ndarray) -> Float[Tensor, "b 3 h w"]:
        """Pixels for the network, of uint8 images `[b h w 3]`."""
        values = torch.from_numpy(images).float() * self.factor
        values = (values - torch.tensor(self.mean)) / torch.tensor(self.deviation)
        return rearrange(values, "b h w c -> b c h w").contiguous()

    def images(self, pixels: Float[Tensor, "b 3 h w"]) -> np.ndarray:
        """The way back, rounded and clipped."""
        values = rearrange(pixels.float().cpu(), "b c h w -> b h w c")
        values = (values * torch.tensor(self.deviation) + torch.tensor(self.mean)) / self.factor
        return values.round().clamp(0, 255).to(torch.uint8).numpy()


def read_scale(folder: Path) -> PixelScale:
    """The scale that the checkpoint's own image processor uses; [-1, 1] where it has none."""
    said: dict[str, Any] = {}
    for path in [folder / name for name in PROCESSORS]:
        if path.exists():
            found = json.loads(path.read_text())
            said = {**found.get("image_processor", found), **said}
    factor = said.get("rescale_factor") or 1 / 255
    mean, deviation = (tuple(said.get(name) or HALF) for name in ("image_mean", "image_std"))
    if not said.get("do_normalize", True):
        mean, deviation = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    return PixelScale(factor if said.get("do_rescale", True) else 1.0, mean, deviation)
