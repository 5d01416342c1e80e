"""`merged`: two shared trunks, each trained on one task from the same start, added up.

    start ──(trained on understand)──▶ start + U ─┐
      └─────(trained on generate)────▶ start + G ─┴─▶ start + u * U + g * G

No step is trained on both tasks. With `fit_steps` 0 both coefficients are `scale` everywhere (task
arithmetic, arXiv 2212.04089; 0.5 is the average of the weights). Otherwise there is a coefficient a
task and layer, fitted by gradient as in AdaMerging (arXiv 2310.02575), which minimises the entropy
of predictions; we minimise the losses on held-out data, since low entropy is no aim for drawing.
What one task alone has changed, such as its head, is taken whole.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from models import TASKS
from models.module import Architecture, TokenModule
from models.shared import Shared, SharedConfig

LAYER = "trunk.layers."
Weights = Mapping[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class MergedConfig(SharedConfig):
    name: str = "merged"
    scale: float = 0.5
    fit_steps: int = 0
    fit_rate: float = 0.05

    def __post_init__(self) -> None:
        if self.fit_steps < 0:
            raise ValueError(f"model.fit_steps must not be negative, got {self.fit_steps}.")
        for name in ("scale", "fit_rate"):
            if getattr(self, name) <= 0:
                raise ValueError(f"model.{name} must be above 0, got {getattr(self, name)}.")

    @property
    def variant(self) -> str:
        """Its cells merge in place of training (experiments/planning/graph_variants.py)."""
        return "merge"

    def coefficients(self) -> Float[Tensor, "tasks groups"]:
        """A coefficient a task and layer, the last one for what lies outside the layers."""
        return torch.full((len(TASKS), self.trunk.depth + 1), self.scale)


def group(name: str) -> int:
    """The layer that a tensor belongs to; -1 outside the layers."""
    _, found, rest = name.partition(LAYER)
    return int(rest.partition(".")[0]) if found else -1


class TaskVectors:
    """What each task's training has changed in a common start."""

    def __init__(self, start: Weights, trained: Mapping[str, Weights]) -> None:
        """Raises ValueError where the trained weights are not those of the start's model."""
        for task, weights in trained.items():
            if weights.keys() != start.keys():
                other = sorted(weights.keys() ^ start.keys())
                raise ValueError(f"{task} must have the tensors of its start, got {other}.")
        self.start, self.trained = start, trained
        self.of = {task: {n: trained[task][n] - start[n] for n in start} for task in TASKS}
        self.owner = {name: self.find_owner(name) for name in start}

    def find_owner(self, name: str) -> str | None:
        """The task that alone has changed a tensor, or None."""
        changed = [task for task in TASKS if self.of[task][name].count_nonzero()]
        return changed[0] if len(changed) == 1 else None

    def merged(self, coefficients: Float[Tensor, "tasks groups"]) -> dict[str, Tensor]:
        return {name: self.merged_tensor(name, coefficients) for name in self.start}

    def merged_tensor(self, name: str, coefficients: Tensor) -> Tensor:
        if owner := self.owner[name]:
            return self.trained[owner][name]
        shares = zip(coefficients[:, group(name)], TASKS, strict=True)
        changes = [share * self.of[task][name] for share, task in shares]
        return self.start[name] + torch.stack(changes).sum(0)

    def slopes(
        self, gradients: Weights, coefficients: Float[Tensor, "tasks groups"]
    ) -> Float[Tensor, "tasks groups"]:
        """The gradient of the coefficients, given that of the merged weights."""
        found = torch.zeros_like(coefficients)
        for name, gradient in gradients.items():
            if self.owner[name] is None:
                for row, task in enumerate(TASKS):
                    found[row, group(name)] += (gradient * self.of[task][name]).sum()
        return found


class MergedModule(TokenModule):
    trunk_class = Shared


ARCHITECTURE = Architecture(MergedConfig, MergedModule)
