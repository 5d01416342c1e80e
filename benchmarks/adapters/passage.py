"""One sequence that a public model reads, and what stands where in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Passage:
    """`inputs` of the model's forward for one sequence of n tokens; the rest are bool [n].

    `image` are the picture's tokens and `words` the prompt's, as far as they are in it; `queries`
    and `keys` as in `benchmarks.probes.protocol.Masses`.
    """

    inputs: Mapping[str, Any]
    image: Tensor
    words: Tensor
    queries: Tensor
    keys: Tensor


def drawn(inputs: Mapping[str, Any], image: Tensor, words: Tensor) -> Passage:
    """Return the passage of a prompt with the picture drawn after it: each token of the picture is
    predicted from the one before it.
    """
    before = torch.cat([image[1:], image.new_zeros(1)])
    return Passage(inputs, image, words, before & image, words)


def answered(batch: Mapping[str, Any], answer: Tensor, image_token: int) -> Passage:
    """Return the passage of a question about a picture with its answer, token ids [tokens].

    `batch` is a processor's for one text; what it says of each token goes on behind the answer.
    """
    asked = batch["input_ids"]
    inputs = {
        name: torch.cat([value, continued(name, answer).to(value)[None]], dim=1)
        if torch.is_tensor(value) and value.shape == asked.shape
        else value
        for name, value in batch.items()
    }
    tokens = inputs["input_ids"][0].cpu()
    image = tokens == image_token
    queries = torch.zeros(len(tokens), dtype=torch.bool)
    queries[asked.shape[1] - 1 : -1] = True
    return Passage(inputs, image, torch.zeros_like(image), queries, image)


def continued(name: str, answer: Tensor) -> Tensor:
    """Return what a processor's entry says of the tokens of an answer."""
    if name == "input_ids":
        return answer
    return torch.ones_like(answer) if name == "attention_mask" else torch.zeros_like(answer)
