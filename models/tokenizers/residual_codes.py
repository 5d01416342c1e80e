"""Several codes of one position as one number, so that a position stays one token everywhere.

code = c0 + c1 * v + c2 * v**2 …          v: codes of a depth
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor

LARGEST = 2**62
"""Composed codes and the text ids before them stay within int64."""


def split(codes: Int[Tensor, "..."], size: int, depths: int) -> Int[Tensor, "... depths"]:
    """The code of each depth."""
    powers = size ** torch.arange(depths, device=codes.device)
    return codes[..., None] // powers % size


def join(parts: Int[Tensor, "... depths"], size: int) -> Int[Tensor, "..."]:
    """The number that `split` takes apart."""
    powers = size ** torch.arange(parts.shape[-1], device=parts.device)
    return (parts * powers).sum(-1)


def vectors_of(table: Float[Tensor, "v l"], parts: Int[Tensor, "... depths"]) -> Tensor:
    """Each part's vector, `[... depths l]`; the table holds those of all depths end to end."""
    depths = parts.shape[-1]
    starts = torch.arange(depths, device=parts.device) * (len(table) // depths)
    return table[parts + starts]


def summed(table: Float[Tensor, "v l"], codes: Int[Tensor, "..."], depths: int) -> Tensor:
    """The vector of each code, `[... l]`: the sum of its parts' vectors."""
    if depths == 1:
        return table[codes]
    return vectors_of(table, split(codes, len(table) // depths, depths)).sum(-2)
