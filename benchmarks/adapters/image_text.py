"""Any image-text-to-text model of transformers (LLaVA, Qwen-VL, Chameleon, ...): it answers."""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from torch import Tensor

from benchmarks.adapters.settings import Number, split_settings
from benchmarks.judges.vision_language import VisionLanguageModel
from benchmarks.protocol import Request

SETTINGS: dict[str, Number] = {"max_tokens": 512}


class ImageTextModel:
    """Answers greedily with the checkpoint of a folder or hub id; OSError if there is none."""

    defaults: ClassVar[dict[str, Number]] = SETTINGS

    def __init__(self, given: str, device: str | None = None) -> None:
        name, self.settings = split_settings(given, self.defaults)
        self.reader = VisionLanguageModel(name, device, int(self.settings["max_tokens"]))
        self.protocol = {**self.reader.protocol, **self.settings}

    def answer(self, requests: Sequence[Request]) -> list[str]:
        """Return the reply to each text about its images."""
        return self.reader.replies([(request.images, request.text) for request in requests])

    def pixels(self, decoded: Tensor) -> np.ndarray:
        """Return uint8 [b, h, w, 3] of what an image decoder gives, [b, h, w, 3]."""
        processor = self.reader.processor.image_processor
        mean, spread = np.asarray(processor.image_mean), np.asarray(processor.image_std)
        shares = decoded.float().cpu().numpy() * spread + mean
        return (shares.clip(0, 1) * 255).astype(np.uint8)

    def generate(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """ValueError: models of this kind only answer."""
        kind = type(self.reader.model).__name__
        raise ValueError(f"a model that draws must be asked for images, got {kind}.")
