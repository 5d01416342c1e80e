"""What a model needs to know of the other processes that train it: counts over all of them."""

from functools import cache

import torch.distributed as distributed
from torch import Tensor


def ranks() -> int:
    """How many processes train the model together: 1 outside a process group."""
    together = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size() if together else 1


def over_ranks(counts: Tensor) -> Tensor:
    """The sum of `counts` over all processes, without gradient."""
    if ranks() == 1:
        return counts
    world, total = distributed.group.WORLD, counts.detach().cpu().clone()
    assert world is not None
    distributed.all_reduce(total, group=counting_group(world))
    return total.to(counts.device)


@cache
def counting_group(world: distributed.ProcessGroup) -> distributed.ProcessGroup:
    """A group of its own: a recomputed layer counts again while gradients are on their way, and
    processes may do the two in different orders."""
    group = distributed.new_group(backend="gloo")
    assert isinstance(group, distributed.ProcessGroup)
    return group
