"""Janus and Janus-Pro (arXiv 2410.13848, 2501.17811) by transformers' class: an image that is asked
about comes through a vision encoder, one that is drawn is codes with embeddings and a head of their
own.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from models import Task
from models.attention_mass import Watch
from models.pretrained.unified.conversation import render
from models.pretrained.unified.form import UnifiedForm
from models.pretrained.unified.reading import Example, Reading, Row

PIXELS = "pixel_values"


class JanusForm(UnifiedForm):
    """Both encoders of images stay as they are; all else is tuned, as in AIA's code."""

    @property
    def frozen(self) -> Sequence[nn.Module]:
        return self.model.model.vision_model, self.model.model.vqmodel

    def drawn(self, example: Example, dropped: bool) -> Row:
        """The prompt in the chat template, the start of an image, the codes; of a dropped prompt,
        as in sampling, all but the first token and that start is padding."""
        tokenizer = self.processor.tokenizer
        text = render(self.processor, (), example.caption, shown=False)
        batch = self.processor(text=[text], generation_mode="image", return_tensors="pt")
        prompt = batch["input_ids"][0]
        is_word = self.is_word(prompt) & (not dropped)
        if dropped:
            start = tokenizer.convert_tokens_to_ids(self.processor.image_start_token)
            kept = (prompt == tokenizer.bos_token_id) | (prompt == start)
            prompt = prompt.where(kept, torch.tensor(tokenizer.pad_token_id))
        image = picture_of(example)
        picture = self.processor.image_processor([image], return_tensors="pt")
        codes = torch.full((self.image_length(image.width),), self.image_token)
        is_image = torch.cat((torch.zeros_like(is_word), torch.ones_like(codes, dtype=torch.bool)))
        is_word = torch.cat((is_word, torch.zeros_like(codes, dtype=torch.bool)))
        tokens = torch.cat((prompt, codes))
        return Row(tokens, is_image, is_image, is_word, {PIXELS: picture[PIXELS]})

    def image_length(self, pixels: int) -> int:
        """An image has as many tokens for either task, whatever its size."""
        return self.model.config.vision_config.num_image_tokens

    def encode(self, task: Task, pixels: Float[Tensor, "b 3 height width"]) -> Any:
        model = self.model.model
        return (model.vision_model if task == "understand" else model.vqmodel.encode)(pixels)

    @torch.no_grad()
    def written(self, reading: Reading) -> Reading:
        if reading.task == "understand":
            return reading
        tokens = reading.tokens.clone()
        pixels = reading.inputs[PIXELS].to(self.model.dtype)
        tokens[reading.is_image] = self.encode("generate", pixels).image_tokens.flatten()
        return replace(reading, tokens=tokens, inputs={})

    def states(self, reading: Reading, watch: Watch | None) -> Float[Tensor, "b n d"]:
        model = self.model.model
        settings = {"use_cache": False, "watch": watch}
        if reading.task == "understand":
            inputs = {name: value.to(self.model.dtype) for name, value in reading.inputs.items()}
            return model(input_ids=reading.tokens, **inputs, **settings).last_hidden_state
        is_code = reading.is_image
        words = self.model.get_input_embeddings()(reading.tokens.masked_fill(is_code, 0))
        codes = reading.tokens.masked_fill(~is_code, 0)
        drawn = self.model.prepare_embeddings_for_image_generation(codes)
        embedded = torch.where(is_code[..., None], drawn, words)
        return model(inputs_embeds=embedded, **settings).last_hidden_state

    def head(self, task: Task) -> nn.Module:
        return self.model.lm_head if task == "understand" else self.model.model.generation_head


def picture_of(example: Example) -> Image.Image:
    """Raises ValueError for an example without an image."""
    if example.image is None:
        raise ValueError("an example that is drawn must have an image, got none.")
    return Image.fromarray(example.image)
