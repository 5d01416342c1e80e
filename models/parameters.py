"""How many parameters a model has, how many of them learn, and how many a task's token meets."""

from typing import Protocol, runtime_checkable

from torch import nn

from models import Task
from models.unified import UnifiedModel


@runtime_checkable
class Idle(Protocol):
    """A part of which a token meets only some parameters."""

    def idle_parameters(self) -> int:
        """How many of them a token does not meet."""
        ...


def parameter_count(part: nn.Module) -> int:
    """Parameters, of whatever kind, each once."""
    return sum(parameter.numel() for parameter in part.parameters())


def trainable_count(part: nn.Module) -> int:
    """Parameters that are not frozen, each once."""
    return sum(one.numel() for one in part.parameters() if one.requires_grad)


def active_parameters(model: UnifiedModel, task: Task) -> int:
    """Parameters that a token of `task` meets: its path through the trunk, embeddings, its head.

    Of an expert group a token meets `top_k` experts; of a fork it meets its own branch.
    """
    unused = {id(p) for part in model.idle_parts(task) for p in part.parameters()}
    unused |= {id(p) for p in skipped_by(model, task)}
    met = sum(p.numel() for p in model.parameters() if id(p) not in unused)
    return met - sum(part.idle_parameters() for part in model.modules() if isinstance(part, Idle))


def skipped_by(model: UnifiedModel, task: Task) -> list:
    """Trunk parameters that are not on the path of `task`."""
    layers, norm = model.trunk.path(task)
    on_path = {id(p) for part in (*layers, norm) for p in part.parameters()}
    return [p for p in model.trunk.parameters() if id(p) not in on_path]
