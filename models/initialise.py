"""Every initial distribution, and the generator that each tensor draws from.

A tensor draws from a generator seeded by (seed, its name), so adding a module moves no other
tensor. Trunks of every architecture start from one shared trunk, drawn here or trained in stage 0:
`start_from(name, shared)` of an architecture says which part of it a tensor copies, and copies draw
nothing. Widths: matrices have the scale of fan-in, projections back into the residual stream are
shrunk by the depth (GPT-2's rule), embeddings have a standard deviation of 0.02 to 1 by kind.
"""

import hashlib

import torch
from torch import Tensor, nn

from models.blocks import Trunk

RESIDUAL_PROJECTIONS = ("attention.output.weight", "down.weight")
EMBEDDINGS = {"text.weight": 0.5, "position": 0.2}
HEAD_SHRINK = 0.1  # nearly uniform predictions at the start


def generator_for(seed: int, *name: object) -> torch.Generator:
    """A generator that is a function of the seed and the name parts alone."""
    digest = hashlib.sha256(repr((seed, *name)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "little") >> 1)


def draw(name: str, shape: torch.Size, seed: int, depth: int) -> Tensor | None:
    """The initial value of the tensor `name`, or None for one that keeps what its module gave it.

    Biases are zero; other vectors (norm weights, scales, alpha) keep their module's constants.
    """
    if name.endswith("bias"):
        return torch.zeros(shape)
    if len(shape) < 2:
        return None
    return torch.randn(shape, generator=generator_for(seed, name)) * deviation(name, shape, depth)


def deviation(name: str, shape: torch.Size, depth: int) -> float:
    """The standard deviation of the initial values of a matrix or table."""
    for ending, value in EMBEDDINGS.items():
        if name.endswith(ending):
            return value
    scale = shape[1:].numel() ** -0.5
    if name.endswith(RESIDUAL_PROJECTIONS):
        scale *= (2 * depth) ** -0.5
    return scale * HEAD_SHRINK if name.endswith("head.weight") else scale


@torch.no_grad()
def initialise(module: nn.Module, seed: int, depth: int) -> None:
    """Gives every tensor of `module` its initial value by its name."""
    for name, parameter in module.named_parameters():
        value = draw(name, parameter.shape, seed, depth)
        if value is not None:
            parameter.copy_(value)


@torch.no_grad()
def start_trunk(trunk: Trunk, shared: dict[str, Tensor], seed: int) -> None:
    """Fills an architecture's trunk from the tensors of a shared trunk, its own by name and seed.

    Raises ValueError where a tensor of the shared trunk is missing or has another shape.
    """
    for name, parameter in trunk.named_parameters():
        try:
            value = trunk.start_from(name, shared)
        except KeyError as missing:
            raise ValueError(
                f"shared trunk must hold {missing}, which {name} starts from."
            ) from None
        if value is None:
            value = draw(name, parameter.shape, seed, trunk.config.depth)
        if value is None:
            continue
        if value.shape != parameter.shape:
            raise ValueError(
                f"{name} must have shape {tuple(parameter.shape)}, got {tuple(value.shape)}."
            )
        parameter.copy_(value)
