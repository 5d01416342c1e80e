"""Our own checkpoints as the model that a benchmark sees."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from benchmarks.protocol import Request
from experiments.build import trained_module
from experiments.language.words import text_tokens
from models.batch import prompt_tokens, question_opening
from models.sampling import SamplingConfig
from models.tokenizers.codec import image_ids
from models.tokenizers.encoders import Encoder, open_encoder
from models.tokenizers.kinds import load_codec

CAPTION_QUESTION = "describe"
SHORT_ANSWER = 6
"""Words that an answer may have when the question does not ask for a description."""


class TrainedModel:
    """An arm with its codec and its words; `sampling` is what `tune` chose."""

    def __init__(
        self,
        config: SimpleNamespace,
        inputs: Mapping[str, Path],
        sampling: SamplingConfig,
        weights: str = "model.pt",
    ) -> None:
        self.words = text_tokens(config)
        self.tokenizer = load_codec(inputs["tokenizer"])
        self.encoder_config = config.encoder
        self.module = trained_module(config, inputs, weights)
        self.sampling, self.precision = sampling, config.train.precision
        self.about = {"architecture": config.model.name, "checkpoint": weights}

    @property
    def protocol(self) -> Mapping[str, object]:
        return {**asdict(self.sampling), **self.about, "precision": self.precision}

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
        return open_encoder(self.encoder_config)

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
