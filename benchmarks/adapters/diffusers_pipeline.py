"""`diffusers:FOLDER_OR_HUB_ID`: any text-to-image pipeline of diffusers, with its own defaults."""

import inspect
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from diffusers.pipelines.pipeline_utils import DiffusionPipeline

from benchmarks.abilities import negative_of
from benchmarks.adapters.settings import Number, split_settings
from benchmarks.adapters.streams import draw_streams
from benchmarks.judges.checkpoints import chosen_device, load_part, revision, short_name
from benchmarks.protocol import Request

SETTINGS = ("num_inference_steps", "guidance_scale", "height", "width")
NEGATIVE = "negative_prompt"
AT_ONCE = 8


class DiffusersPipeline:
    """Draws with a pipeline of a folder or hub id; OSError if it cannot be loaded.

    Noise comes from generators on the CPU, whatever the device.
    """

    continues_streams = True

    def __init__(self, given: str, device: str | None = None) -> None:
        name = given.partition("?")[0]
        self.device = chosen_device(device)
        dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        self.pipeline = load_part(DiffusionPipeline.from_pretrained, name, torch_dtype=dtype)
        self.pipeline.set_progress_bar_config(disable=True)
        self.pipeline.to(self.device)
        _, self.settings = split_settings(given, self._defaults())
        self.protocol = {
            "model": short_name(name),
            "revision": revision(name, self.pipeline.config),
            "pipeline": type(self.pipeline).__name__,
            "scheduler": type(getattr(self.pipeline, "scheduler", None)).__name__,
            "precision": str(dtype).removeprefix("torch."),
            **self.settings,
        }

    def _defaults(self) -> dict[str, Number]:
        """Return the pipeline's own numbers; 0 stands for a size that its network decides."""
        known = inspect.signature(self.pipeline.__call__).parameters
        return {name: known[name].default or 0 for name in SETTINGS if name in known}

    def generate(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """Return one image, uint8 [h, w, 3], for each request."""
        return draw_streams(requests, self._draw, AT_ONCE)

    @property
    def takes_negatives(self) -> bool:
        """Whether the pipeline has negative prompts, and guidance that heeds them."""
        known = inspect.signature(self.pipeline.__call__).parameters
        return NEGATIVE in known and self.settings.get("guidance_scale", 0) > 1

    def _draw(
        self, requests: Sequence[Request], generators: Sequence[torch.Generator]
    ) -> list[np.ndarray]:
        stated: dict[str, Any] = {name: value for name, value in self.settings.items() if value}
        if any(map(negative_of, requests)):
            stated[NEGATIVE] = [negative_of(one) for one in requests]
        texts = [one.text for one in requests]
        made = self.pipeline(texts, generator=list(generators), output_type="np", **stated)
        return [(image * 255).round().astype(np.uint8) for image in made.images]

    def answer(self, requests: Sequence[Request]) -> list[str]:
        """ValueError: a pipeline only draws."""
        raise ValueError(f"a model that answers must be asked, got {self.protocol['pipeline']}.")


def open_model(name: str) -> DiffusersPipeline:
    """Return the pipeline of a folder or hub id, on the GPU if there is one."""
    return DiffusersPipeline(name)
