"""DINO (Caron et al. 2021, arXiv 2104.14294) by transformers: tells a thing from its like."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import ViTModel

from benchmarks.images import batched
from benchmarks.judges.checkpoints import chosen_device, load_model, revision, short_name
from benchmarks.judges.clip import unit
from benchmarks.judges.squares import middle_square

CHUNK = 32
SCALED, CROPPED = 256, 224
"""The shorter edge, and the square of it that is seen, in DINO's evaluation."""
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's."""


class Dino:
    """The vision transformer of a folder or hub id, in float32; OSError if it cannot be loaded.

    An image is the last state of its class token, as DINO's own code has it.
    """

    def __init__(self, name: str, device: str | None = None) -> None:
        self.device = chosen_device(device)
        self.model = load_model(ViTModel, name, self.device, torch.float32, add_pooling_layer=False)
        self.side = self.model.config.image_size
        self.shorter = round(self.side * SCALED / CROPPED)
        self.label = short_name(name)
        self.protocol = {
            "dino": self.label,
            "dino_revision": revision(name, self.model.config),
            "dino_pixels": [self.shorter, self.side],
        }

    @torch.inference_mode()
    def see(self, images: Sequence[Image.Image]) -> Tensor:
        """Return one unit vector an image, [n, d], on the model's device."""
        mean, spread = (np.array(x, np.float32)[:, None, None] for x in (MEAN, SPREAD))
        rows = []
        for chunk in batched(images, CHUNK):
            squares = [middle_square(image, self.shorter, self.side) for image in chunk]
            pixels = torch.from_numpy((np.stack(squares) - mean) / spread).to(self.device)
            rows.append(unit(self.model(pixel_values=pixels).last_hidden_state[:, 0]))
        return torch.cat(rows)
