"""Emu3 (arXiv 2409.18869) by transformers' class: codes are words, one head predicts all tokens.

An image is rows of visual tokens, each with an end; drawing is trained on the visual tokens alone,
as in the authors' released training code: the ends of rows are forced in sampling.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models import Task
from models.attention_mass import Watch
from models.pretrained.unified.form import UnifiedForm
from models.pretrained.unified.reading import Example, Reading, Row


class Emu3Form(UnifiedForm):
    """The image tokenizer stays as it is; the decoder, its embeddings and its head are tuned."""

    @property
    def frozen(self) -> Sequence[nn.Module]:
        return (self.model.model.vqmodel,)

    def drawn(self, example: Example, dropped: bool) -> Row:
        """The prompt as it stands, without a template, and the image behind; "" is the dropped."""
        prompt = "" if dropped else example.caption
        batch = self.opened(f"{prompt}{self.processor.image_token}", example.image)
        tokens = batch.pop("input_ids")[0]
        is_image = tokens == self.image_token
        opening = self.processor.tokenizer.convert_tokens_to_ids(self.processor.image_start_token)
        before = torch.arange(len(tokens)) < (tokens == opening).nonzero()[0, 0]
        return Row(tokens, is_image, is_image, before & self.is_word(tokens), batch)

    @torch.no_grad()
    def written(self, reading: Reading) -> Reading:
        if not reading.inputs:
            return reading
        tokens, words = reading.tokens.clone(), self.model.vocabulary_mapping
        tokens[reading.is_image] = self.model.model.get_image_tokens(**reading.inputs).to(tokens)
        predicted = reading.predicted
        if reading.task == "generate":
            predicted = predicted & (tokens != words.eol_token_id)
        return replace(reading, tokens=tokens, predicted=predicted, inputs={})

    def image_length(self, pixels: int) -> int:
        side = pixels // self.model.model.vqmodel.vision_spatial_factor
        return side * (side + 1)

    def encode(self, task: Task, pixels: Float[Tensor, "b 3 height width"]) -> Any:
        sizes = torch.tensor([pixels.shape[-2:]] * len(pixels))
        return self.model.model.vqmodel.encode(pixels, sizes)

    def states(self, reading: Reading, watch: Watch | None) -> Float[Tensor, "b n d"]:
        read = self.model.model(input_ids=reading.tokens, use_cache=False, watch=watch)
        return read.last_hidden_state

    def head(self, task: Task) -> nn.Module:
        return self.model.lm_head
