"""Sequences of unequal length as one list of tokens: outside attention a pad costs nothing.

    positions [b n]   a b c - -      rows [t]   a b c d e f g h i -
                      d e f g -
                      h i - - -

Norms and matrix products run on the rows. Attention mixes positions, so each layer spreads queries,
keys and values over them and collects what comes out. A pad that is left out looks like the last
row, which is a pad as well: no later token looks at either and nobody predicts from them.
"""

from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable

from models.fused import permute

ROWS = 128
"""Rows come in multiples of this: on a CPU a product of a new size is slow."""


class _Collect(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, states: Tensor, kept: Tensor, rows: Tensor) -> Tensor:
        ctx.save_for_backward(rows)
        return states.index_select(0, kept)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (rows,) = ctx.saved_tensors
        gradient = gradient.clone()
        gradient[-1] = 0  # it stands for all that was left out
        return gradient.index_select(0, rows), None, None


@dataclass(frozen=True)
class Packing:
    """`kept` are the positions that have a row, laid end to end; `rows` is each position's row."""

    kept: Int[Tensor, "t"]
    rows: Int[Tensor, "b n"]

    def collect(self, states: Float[Tensor, "b n *d"]) -> Float[Tensor, "1 t *d"]:
        """The states of the rows; the last one sends nothing back."""
        return _Collect.apply(states.flatten(0, 1), self.kept, self.rows.flatten())[None]

    def spread(self, states: Float[Tensor, "1 t *d"]) -> Float[Tensor, "b n *d"]:
        """The states of all positions."""
        return permute(states[0], self.rows.flatten(), self.kept).unflatten(0, self.rows.shape)


def pack(targets: Bool[Tensor, "b n"]) -> Packing | None:
    """The packing of positions up to the last True of each row; None where it would save nothing.

    At least one pad is kept where one is left out.
    """
    needed = targets.flip(1).cumsum(1).flip(1).flatten() > 0
    count = int(needed.sum()) + 1
    count += -count % ROWS
    if count >= len(needed):
        return None
    kept = (~needed).sort(stable=True).indices[:count]
    rows = torch.full_like(needed, count - 1, dtype=torch.long)
    rows[kept] = torch.arange(count, device=kept.device)
    return Packing(kept, rows.view(targets.shape))
