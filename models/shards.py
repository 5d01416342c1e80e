"""Tensors of which each process holds a part (DTensor), and plain ones: the same code for both."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor
from torch.distributed.tensor import DTensor, Replicate, Shard


def local(tensor: Tensor) -> Tensor:
    """This process's part of a tensor."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def whole(tensor: Tensor) -> Tensor:
    """The tensor of all processes; every one of them has to ask for it."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def whole_stack(parts: Sequence[Tensor], like: Tensor) -> Float[Tensor, "k n m"]:
    """Matrices of the shape of `like`, whole, of this process's parts of them."""
    stacked = torch.stack(list(parts))
    if not isinstance(like, DTensor):
        return stacked
    shape = torch.Size((len(parts), *like.shape))
    stride = (like.shape[0] * like.shape[1], like.shape[1], 1)
    sharded = DTensor.from_local(stacked, like.device_mesh, [Shard(1)], shape=shape, stride=stride)
    return sharded.full_tensor()


def own_parts(matrices: Float[Tensor, "k n m"], like: Tensor) -> tuple[Tensor, ...]:
    """This process's parts of whole matrices, sharded as `like` is."""
    if not isinstance(like, DTensor):
        return matrices.unbind()
    copies = DTensor.from_local(matrices, like.device_mesh, [Replicate()], run_check=False)
    return copies.redistribute(placements=[Shard(1)]).to_local().unbind()
