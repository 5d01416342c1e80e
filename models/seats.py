"""Rows sorted by who computes them: an expert of a group, or one of two copies of a layer.

    choice   1 0 1 1 0        slots   1 4 · · | 0 2 3 ·        sizes   4 4

A product of a new size costs a CPU several times its arithmetic, so sizes are multiples.
"""

import torch
from jaxtyping import Int
from torch import Tensor

from models.packing import ROWS


def seats(
    choice: Int[Tensor, "t"], owners: int
) -> tuple[Int[Tensor, "s"], Int[Tensor, "u"], list[int]]:
    """The row in each slot, the slot of each row, and how many slots each owner has.

    The slots of an owner are filled up to a multiple of `ROWS` with a row of zeros, number `t`,
    which yields zeros and no gradient; its own slot, the last of the second, means nothing.
    """
    order = choice.argsort(stable=True)
    counts = choice.bincount(minlength=owners)
    sizes = (counts + ROWS - 1) // ROWS * ROWS
    shift = (sizes.cumsum(0) - sizes) - (counts.cumsum(0) - counts)
    taken = torch.arange(len(choice), device=choice.device) + shift[choice[order]]
    places = choice.new_zeros(len(choice) + 1)
    places[order] = taken
    slots = choice.new_full((int(sizes.sum()),), len(choice))
    slots[taken] = order
    return slots, places, sizes.tolist()
