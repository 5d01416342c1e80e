"""Janus and Janus-Pro (Wu et al. 2024, arXiv 2410.13848; Chen et al. 2025, arXiv 2501.17811) by
transformers' class: it answers and draws.
"""

from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from PIL import Image
from transformers import LogitsProcessorList

from benchmarks.adapters.gumbel import GuidedNoise
from benchmarks.adapters.image_text import SETTINGS, ImageTextModel
from benchmarks.adapters.passage import Passage, drawn
from benchmarks.adapters.settings import Number
from benchmarks.adapters.streams import draw_streams
from benchmarks.probes.protocol import Sample, Task
from benchmarks.protocol import Request

AT_ONCE = 16


class Janus(ImageTextModel):
    """Draws by sampling image tokens under guidance, with the papers' weight of 5."""

    continues_streams = True
    defaults: ClassVar[dict[str, Number]] = {**SETTINGS, "guidance": 5.0, "temperature": 1.0}

    def __init__(self, given: str, device: str | None = None) -> None:
        super().__init__(given, device)
        start = self.reader.processor.tokenizer.convert_tokens_to_ids(
            self.reader.processor.image_start_token
        )
        self.reader.model.generation_config.generation_kwargs = {"boi_token_id": start}

    def generate(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """Return one image, uint8 [h, w, 3], for each request."""
        return draw_streams(requests, self._draw, AT_ONCE)

    @torch.inference_mode()
    def _draw(
        self, requests: Sequence[Request], generators: Sequence[torch.Generator]
    ) -> list[np.ndarray]:
        model, processor = self.reader.model, self.reader.processor
        batch = processor(
            text=[self.reader.prompt(0, one.text) for one in requests],
            generation_mode="image",
            padding=True,
            return_tensors="pt",
        ).to(self.reader.device)
        noise = GuidedNoise(
            float(self.settings["guidance"]),
            float(self.settings["temperature"]),
            generators,
        )
        tokens = model.generate(
            **batch,
            generation_mode="image",
            guidance_scale=1.0,  # `noise` guides: its draws come after that
            do_sample=False,
            logits_processor=LogitsProcessorList([noise]),
        )
        return list(self.pixels(model.decode_image_tokens(tokens)))

    @torch.inference_mode()
    def passage(self, sample: Sample, task: Task) -> Passage:
        """Return how a probe's sample is read; drawn, the codes of the picture follow its prompt,
        whose words include the template's.
        """
        if task == "understand":
            return super().passage(sample, task)
        model, processor = self.reader.model, self.reader.processor
        text = processor(
            text=[self.reader.prompt(0, sample.prompt)],
            generation_mode="image",
            return_tensors="pt",
        )["input_ids"]
        picture = Image.fromarray(sample.image)
        pixels = processor.image_processor([picture], return_tensors="pt")["pixel_values"]
        pixels = pixels.to(self.reader.device, model.dtype)
        codes = model.model.vqmodel.encode(pixels).image_tokens.reshape(1, -1)
        ahead = model.get_input_embeddings()(text.to(self.reader.device))
        behind = model.prepare_embeddings_for_image_generation(codes)
        is_picture = torch.ones(codes.shape[1], dtype=torch.bool)
        return drawn(
            {"inputs_embeds": torch.cat([ahead, behind], dim=1)},
            torch.cat([torch.zeros(text.shape[1], dtype=torch.bool), is_picture]),
            torch.cat([self.is_word(text[0]), ~is_picture]),
        )
