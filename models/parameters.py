"""How many parameters a model has, how many of them learn, and how many a task's token meets."""

from collections.abc import Sequence
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


def active_parameters(model: UnifiedModel, task: Task, beside: Sequence[nn.Module] = ()) -> int:
    """Parameters that a token of `task` meets: its path through the trunk, embeddings, its head.

    Of an expert group a token meets `top_k` experts; of a fork it meets its own branch; parts
    `beside` it does not meet either. A head that is tied to the word embeddings is met as those.
    """
    idle = {part for whole in (*model.idle_parts(task), *beside) for part in whole.modules()}
    used = [part for part in model.modules() if part not in idle]
    met = {p for part in used for p in part.parameters(recurse=False)} - {*skipped_by(model, task)}
    spared = sum(part.idle_parameters() for part in model.modules() if isinstance(part, Idle))
    return sum(p.numel() for p in met) - spared


def skipped_by(model: UnifiedModel, task: Task) -> list:
    """Trunk parameters that are not on the path of `task`."""
    layers, norm = model.trunk.path(task)
    on_path = {id(p) for part in (*layers, norm) for p in part.parameters()}
    return [p for p in model.trunk.parameters() if id(p) not in on_path]
