"""Emu3 (Wang et al. 2024, arXiv 2409.18869) by transformers' class: it answers and draws.

The prompt is drawn as it stands: neither the words of praise nor the negative prompt of the
authors' demonstration are added; guidance is away from the request's negative prompt, by default
the empty one.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor
from transformers import LogitsProcessorList

from benchmarks.abilities import negative_of
from benchmarks.adapters.gumbel import GuidedNoise
from benchmarks.adapters.image_text import SETTINGS, ImageTextModel
from benchmarks.adapters.passage import Passage, drawn
from benchmarks.adapters.settings import Number
from benchmarks.adapters.streams import draw_streams
from benchmarks.probes.protocol import Sample, Task
from benchmarks.protocol import Request

AT_ONCE = 4
CLOSING = 3
"""Tokens behind an image's, which the class cuts off before it decodes."""


class GuidedRows(GuidedNoise):
    """Lets the visual tokens alone stand in rows of `width`, and the end of a row behind them."""

    def place(self, start: int, width: int, visual: Tensor, row_end: int) -> None:
        """Say where the prompts end, and which tokens there are."""
        self.start, self.width, self.visual, self.row_end = start, width, visual, row_end

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Return [2 b, v]: the told and the untold half go on with the same token."""
        drawn = super().__call__(input_ids, scores)
        at_end = (input_ids.shape[1] - self.start + 1) % (self.width + 1) == 0
        allowed = torch.tensor([self.row_end]) if at_end else self.visual
        allowed = allowed.to(drawn.device)
        kept = torch.full_like(drawn, -torch.inf)
        kept[:, allowed] = drawn[:, allowed]
        return torch.cat([kept, kept])


class Emu3(ImageTextModel):
    """Draws by sampling image tokens under guidance, with the authors' weight of 3."""

    continues_streams = True
    defaults: ClassVar[dict[str, Number]] = {
        **SETTINGS,
        "guidance": 3.0,
        "temperature": 1.0,
        "image_area": 518_400,
    }

    @property
    def takes_negatives(self) -> bool:
        """Whether anything is guided away from."""
        return self.settings["guidance"] != 1

    def generate(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """Return one image, uint8 [h, w, 3], for each request."""
        return draw_streams(requests, self._draw, AT_ONCE)

    @torch.inference_mode()
    def _draw(
        self, requests: Sequence[Request], generators: Sequence[torch.Generator]
    ) -> list[np.ndarray]:
        model, processor = self.reader.model, self.reader.processor
        batch = processor(
            text=[one.text for one in requests] + [negative_of(one) for one in requests],
            return_for_image_generation=True,
            image_area=int(self.settings["image_area"]),
            padding=True,
            return_tensors="pt",
        )
        height, width = (int(side) for side in batch.pop("image_sizes")[0])
        batch = batch.to(self.reader.device)
        noise = GuidedRows(
            float(self.settings["guidance"]),
            float(self.settings["temperature"]),
            generators,
        )
        start, words = batch["input_ids"].shape[1], model.vocabulary_mapping
        noise.place(start, width, torch.tensor(words.image_tokens), words.eol_token_id)
        made = model.generate(
            **batch,
            max_new_tokens=height * (width + 1),
            do_sample=False,
            logits_processor=LogitsProcessorList([noise]),
        )
        tokens = torch.nn.functional.pad(made[: len(requests), start:], (0, CLOSING))
        decoded = model.decode_image_tokens(image_tokens=tokens, height=height, width=width)
        return list(self.pixels(decoded.permute(0, 2, 3, 1)))

    def passage(self, sample: Sample, task: Task) -> Passage:
        """Return how a probe's sample is read; drawn, the picture follows its prompt, rows' ends
        among its tokens.
        """
        if task == "understand":
            return super().passage(sample, task)
        batch = self.batch(f"{sample.prompt}{self.reader.processor.image_token}", sample.image)
        tokens = batch["input_ids"][0].cpu()
        image = tokens == self.image_token
        ahead = torch.arange(len(tokens)) < (tokens == self.image_start).nonzero()[0, 0]
        return drawn(batch, image, ahead & self.is_word(tokens))

    @property
    def image_start(self) -> int:
        """The id of the token that opens a picture, before its size."""
        processor = self.reader.processor
        return processor.tokenizer.convert_tokens_to_ids(processor.image_start_token)
