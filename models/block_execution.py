"""What is done to every block of a module without changing what it computes.

    compile      torch.compile, block by block, so that one compiled graph serves all layers
    recompute    activations inside a block are not kept but computed again in the backward pass
    shard        FSDP2: a block's parameters are whole while it runs, and in shards otherwise

None of them renames a tensor. A block is an element of a module list called `layers` or `blocks`.
"""

from collections.abc import Iterator, Sequence, Set

import torch
from torch import nn
from torch.distributed import all_reduce
from torch.distributed._composable.checkpoint_activation import checkpoint
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, fully_shard, register_fsdp_forward_method

from models.shards import local

BLOCK_LISTS = ("layers", "blocks")


def blocks(module: nn.Module) -> Iterator[nn.Module]:
    """The blocks of a module, trained or not."""
    for name, part in module.named_modules():
        if isinstance(part, nn.ModuleList) and name.endswith(BLOCK_LISTS):
            yield from part


def compile_blocks(module: nn.Module, backend: str) -> None:
    for block in blocks(module):
        block.compile(backend=backend)


def recompute_blocks(module: nn.Module) -> None:
    for block in blocks(module):
        checkpoint(block)


def shard(
    module: nn.Module,
    mesh: DeviceMesh,
    passed_twice: Sequence[nn.Module] = (),
    whole: Set[nn.Parameter] = frozenset(),
) -> None:
    """Shards a LightningModule's parameters over `mesh`; `training_step` gathers them.

    Blocks of `passed_twice`, which a step runs through more than once, stay whole for all of it: of
    two backward passes the first would put them away. Parameters of `whole` are not sharded at all.
    """
    kept, ignored = {id(block) for part in passed_twice for block in blocks(part)}, set(whole)
    for block in reversed(list(blocks(module))):  # those inside another before it
        if id(block) not in kept and not ignored.issuperset(block.parameters()):
            fully_shard(block, mesh=mesh, ignored_params=ignored)
    fully_shard(module, mesh=mesh, ignored_params=ignored)
    assert isinstance(module, FSDPModule)
    register_fsdp_forward_method(module, "training_step")
    # which experts a batch meets differs by process, and all have to send as many gradients
    module.set_reduce_scatter_unused_params(True)


@torch.no_grad()
def drop_empty_gradients(parameters: list[nn.Parameter]) -> None:
    """Sets gradients that are zero on every process to None, as in a process of its own: what has
    no gradient is not decayed."""
    found = [(one, one.grad) for one in parameters if one.grad is not None]
    largest = torch.stack([local(gradient).abs().sum() for _, gradient in found])
    all_reduce(largest)
    for (parameter, _), size in zip(found, largest.tolist(), strict=True):
        if size == 0:
            parameter.grad = None
