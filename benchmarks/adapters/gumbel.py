"""Sampling with a generator an image: the largest of logits plus Gumbel noise is a sample."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import LogitsProcessor


class GuidedNoise(LogitsProcessor):
    """A logits processor for greedy decoding, which then draws: row i by generator i.

    `scores` [2 b, v] hold the told half and the untold one; the result [b, v] is
    untold + guidance * (told - untold), over the temperature, plus the noise.
    """

    def __init__(
        self, guidance: float, temperature: float, generators: Sequence[torch.Generator]
    ) -> None:
        self.guidance, self.temperature, self.generators = guidance, temperature, generators

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Return the logits of the next token, whose largest is drawn."""
        told, untold = scores.float().chunk(2)
        guided = untold + self.guidance * (told - untold)
        uniform = torch.stack(
            [torch.rand(guided.shape[1], generator=one) for one in self.generators]
        )
        noise = -torch.log(-torch.log(uniform.clamp(1e-20, 1 - 1e-7)))
        return guided / self.temperature + noise.to(guided.device)
