"""Our own checkpoints as a model whose requests for drawing hold images."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.protocol import Request
from experiments.scoring.model import TrainedModel
from models.image_prompts import image_prompt_tokens

MOST_IMAGES = 2
"""Images in one prompt."""
MORE_WORDS = 2
"""By how much longer a prompt's words may be than a caption: a story tells three scenes."""


@dataclass(eq=False)
class ImagePromptedModel(TrainedModel):
    """`TrainedModel`, with room in its prompts; a request's text says `<image>` for each image."""

    def __post_init__(self) -> None:
        image = self.tokenizer.config.tokens_per_image + 2
        room = MORE_WORDS * self.sampling.prompt_length + MOST_IMAGES * image
        self.sampling = replace(self.sampling, prompt_length=room)

    def generate(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """uint8 images `[h w 3]`; each depends on its request alone."""
        shown = [image for request in requests for image in request.images]
        codes = iter(self.tokenizer.encode(np.stack(shown)).tolist() if shown else [])
        prompts = [
            image_prompt_tokens(self.words, request.text, [next(codes) for _ in request.images])
            for request in requests
        ]
        seeds = [request.seed for request in requests]
        with self.autocast():
            drawn = self.module.generate(prompts, seeds, self.sampling)
        return list(self.tokenizer.decode(drawn.cpu()))
