"""`bridge:FOLDER`: a bridge of published parts as a benchmark sees it; it draws.

FOLDER is what `PipelineBridge.save` wrote. Settings stand behind `?`, as in `FOLDER?guidance=7.5`;
they begin as MetaQuery draws for FID.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from benchmarks.abilities import negative_of
from benchmarks.adapters.settings import Number, split_settings
from benchmarks.images import batched
from benchmarks.judges.checkpoints import chosen_device, revision, short_name
from benchmarks.protocol import Request
from models.pretrained.decoder_bridge import open_pipeline_bridge
from models.pretrained.frozen_prompts import Prompt

SETTINGS: dict[str, Number] = {"steps": 30, "guidance": 3.0}
AT_ONCE = 8


class BridgeModel:
    """Reads a request's pictures and text; what it guides away from is the request's negative."""

    def __init__(self, given: str, device: str | None = None) -> None:
        name, self.settings = split_settings(given, SETTINGS)
        chosen = chosen_device(device)
        dtype = torch.bfloat16 if chosen.type == "cuda" else torch.float32
        self.bridge = open_pipeline_bridge(Path(name), dtype).to(chosen).eval()
        self.protocol = {
            "model": short_name(name),
            "revision": revision(name, None),
            "reader": self.bridge.reader.name,
            "precision": str(dtype).removeprefix("torch."),
            **self.settings,
        }

    @property
    def draws_from_images(self) -> bool:
        """Whether the frozen reader sees pictures."""
        return self.bridge.reader.encoder.sees_images

    @property
    def takes_negatives(self) -> bool:
        """Whether anything is guided away from."""
        return self.settings["guidance"] > 1

    def generate(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """uint8 images `[h w 3]`; each depends on its request alone."""
        return [image for chunk in batched(requests, AT_ONCE) for image in self.drawn(chunk)]

    def drawn(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """Images drawn together."""
        pixels = self.bridge.draw(
            [Prompt(one.text, one.images) for one in requests],
            [one.seed for one in requests],
            int(self.settings["steps"]),
            float(self.settings["guidance"]),
            [Prompt(negative_of(one)) for one in requests],
        )
        shades = (pixels.float().clamp(0, 1) * 255).round().byte().cpu()
        return list(shades.permute(0, 2, 3, 1).numpy())

    def answer(self, requests: Sequence[Request]) -> list[str]:
        """Raises ValueError: a bridge only draws."""
        raise ValueError(f"a model that answers must be asked, got {self.protocol['model']}.")


def open_model(name: str) -> BridgeModel:
    """The bridge of a folder; OSError or ValueError where it is not a whole one."""
    return BridgeModel(name)
