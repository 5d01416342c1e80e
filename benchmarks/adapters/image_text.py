"""Any image-text-to-text model of transformers (LLaVA, Qwen-VL, Chameleon, ...): it answers."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.adapters.inspection import InspectedModel
from benchmarks.adapters.passage import Passage, answered
from benchmarks.adapters.settings import Number, split_settings
from benchmarks.judges.vision_language import VisionLanguageModel
from benchmarks.probes.protocol import NotApplicableError, Sample, Task
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

    def inspected(self) -> InspectedModel:
        """Return the model as a probe sees it."""
        return InspectedModel(self.reader.label, self.reader.model, self)

    def passage(self, sample: Sample, task: Task) -> Passage:
        """Return how a probe's sample is read; NotApplicableError for drawing."""
        if task == "generate":
            raise NotApplicableError(f"{self.reader.label} does not draw")
        batch = self.batch(self.reader.prompt(1, sample.question), sample.image)
        return answered(batch, self.token_ids(sample.answer), self.image_token)

    def prompt_passage(self, sample: Sample) -> Passage:
        """Return how a sample's prompt is read alone, without a template."""
        tokens = self.token_ids(sample.prompt)
        words = torch.ones(len(tokens), dtype=torch.bool)
        inputs = {"input_ids": tokens[None].to(self.reader.device)}
        return Passage(inputs, ~words, words, ~words, ~words)

    def batch(self, text: str, image: np.ndarray) -> dict[str, Any]:
        """Return the processor's batch of a text with one picture, uint8 [h, w, 3]."""
        return dict(self.reader.batch([text], [[Image.fromarray(image)]]))

    def token_ids(self, text: str) -> Tensor:
        """Return the ids of a text, [tokens], without special tokens."""
        tokenizer = self.reader.processor.tokenizer
        return torch.tensor(tokenizer(text, add_special_tokens=False)["input_ids"])

    @property
    def image_token(self) -> int:
        """The id that stands for a picture's token in a text."""
        processor = self.reader.processor
        return processor.tokenizer.convert_tokens_to_ids(processor.image_token)

    def is_word(self, tokens: Tensor) -> Tensor:
        """Return which tokens [n] are no special ones, bool [n]."""
        special = torch.tensor(self.reader.processor.tokenizer.all_special_ids)
        return ~torch.isin(tokens, special)
