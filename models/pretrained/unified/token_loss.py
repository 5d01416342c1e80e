"""The mean loss of predicted tokens, whose logits can be more than all other activations.

Emu3 chooses among 184,622 tokens at each of the 8,000 places of an image. Chunk by chunk, computed
again in the backward pass, the logits of one chunk are there at a time.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

CHUNK = 1024
"""Tokens whose logits are there at once."""


def token_loss(
    head: nn.Module, states: Float[Tensor, "t d"], aims: Int[Tensor, "t"], recompute: bool
) -> Float[Tensor, ""]:
    """The mean over tokens, 0 over none; with `recompute` no logits await the backward pass."""
    count = max(1, len(aims))
    if not recompute:
        return summed(head, states, aims) / count
    chunks = zip(states.split(CHUNK), aims.split(CHUNK), strict=True)
    sums = [checkpoint(summed, head, *chunk, use_reentrant=False) for chunk in chunks]
    return torch.stack(sums).sum() / count


def summed(
    head: nn.Module, states: Float[Tensor, "t d"], aims: Int[Tensor, "t"]
) -> Float[Tensor, ""]:
    return cross_entropy(head(states).float(), aims, reduction="sum")
