"""A coin that every sample tosses once: heads or tails by a hash of its prompt.

Placebos split samples by it where an architecture splits them by task. Training and sampling agree
on it, since the prompt is what stands before the first target.
"""

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from models.text_tokens import PAD

PRIME = 10_007
STEP = 31


def prompt_of(tokens: Int[Tensor, "b n"], predicted: Bool[Tensor, "b n"]) -> Bool[Tensor, "b n"]:
    """Which tokens stand before the first target of their row."""
    return (predicted.cumsum(1) == 0) & (tokens != PAD)


def prompt_coin(tokens: Int[Tensor, "b n"], is_prompt: Bool[Tensor, "b n"]) -> Bool[Tensor, "b"]:
    """The parity of a sum of squares modulo a prime, over tokens and their positions.

    The first token, which names the task, does not count: the coin must not know the task.
    """
    positions = torch.arange(tokens.shape[1], device=tokens.device)
    squares = (tokens + STEP * positions).square() % PRIME
    counted = is_prompt & (positions > 0)
    return (squares * counted).sum(1) % PRIME % 2 == 1
