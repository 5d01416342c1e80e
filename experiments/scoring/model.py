"""Our own checkpoints as the model that a benchmark sees."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Self

import numpy as np
import torch

from benchmarks.protocol import Request
from experiments.build import trained_module
from experiments.language.words import text_tokens
from models.batch import prompt_tokens, question_opening
from models.module import UnifiedModule
from models.sampling import SamplingConfig
from models.text_tokens import TextTokens
from models.tokenizers.codec import Codec, image_ids
from models.tokenizers.encoders import Encoder, open_encoder
from models.tokenizers.kinds import load_codec

CAPTION_QUESTION = "describe"
SHORT_ANSWER = 6
"""Words that an answer may have when the question does not ask for a description."""


@dataclass(eq=False)
class TrainedModel:
    """An arm with its codec and its words; `checkpoint` names its weights in a protocol."""

    config: SimpleNamespace
    words: TextTokens
    tokenizer: Codec
    module: UnifiedModule
    sampling: SamplingConfig
    checkpoint: str

    @classmethod
    def of_cell(
        cls,
        config: SimpleNamespace,
        inputs: Mapping[str, Path],
        sampling: SamplingConfig,
        weights: str = "model.pt",
    ) -> Self:
        """From the finished steps of a cell; `sampling` is what `tune` chose."""
        tokenizer, module = load_codec(inputs["tokenizer"]), trained_module(config, inputs, weights)
        return cls(config, text_tokens(config), tokenizer, module, sampling, weights)

    @property
    def precision(self) -> str:
        return self.config.train.precision

    @property
    def protocol(self) -> Mapping[str, object]:
        about = {"architecture": self.config.model.name, "checkpoint": self.checkpoint}
        return {**asdict(self.sampling), **about, "precision": self.precision}

    def generate(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """uint8 images `[h w 3]`; each depends on its request alone."""
        prompts = [prompt_tokens(self.words, request.text) for request in requests]
        seeds = [request.seed for request in requests]
        with self.autocast():
            codes = self.module.generate(prompts, seeds, self.sampling)
        return list(self.tokenizer.decode(codes.cpu()))

    def answer(self, requests: Sequence[Request]) -> list[str]:
        """Greedy answers; a request has one image or none."""
        codes = self.codes(requests)
        rows = [
            question_opening(self.words, code) + self.words.encode(request.text)
            for request, code in zip(requests, codes, strict=True)
        ]
        describing = any(request.text.startswith(CAPTION_QUESTION) for request in requests)
        length = self.sampling.answer_length if describing else SHORT_ANSWER
        length *= self.words.tokens_per_word
        seen = self.seen(requests)
        with self.autocast():
            answers = self.module.answer(rows, self.sampling, length, *seen)
        return [self.words.decode(answer) for answer in answers]

    def seen(self, requests: Sequence[Request]) -> list[torch.Tensor]:
        """What the arm's second encoder sees in each request's picture, where the arm has one."""
        if not self.module.second_encoder:
            return []
        size = self.tokenizer.config.pixels
        blank = np.zeros((size, size, 3), dtype=np.uint8)
        pictures = [one.images[0] if one.images else blank for one in requests]
        return [self.encoder.encode(np.stack(pictures))]

    @cached_property
    def encoder(self) -> Encoder:
        return open_encoder(self.config.encoder)

    def codes(self, requests: Sequence[Request]) -> list[list[int] | None]:
        """Image codes of each request's picture, or None without one."""
        if many := [request for request in requests if len(request.images) > 1]:
            raise ValueError(f"a request must have at most one image, got {len(many[0].images)}.")
        images = [request.images[0] for request in requests if request.images]
        coded = iter(image_ids(self.tokenizer, np.stack(images)) if images else [])
        return [next(coded) if request.images else None for request in requests]

    def autocast(self) -> AbstractContextManager:
        enabled = self.precision.startswith("bf16")
        return torch.autocast(self.module.device.type, torch.bfloat16, enabled=enabled)
