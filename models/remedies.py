"""How the tasks' objectives become one gradient: their sum, or a cheap remedy for their conflict.

    sum            the sum of what the fixed task weights scale: the control
    loss_weights   learnt weights, exp(-s) * loss + s for each task with its own learnt s
    pcgrad         where the two gradients conflict, each loses its part along the other

A remedy costs next to nothing and changes no architecture, so a claim that an architecture resolves
a conflict has to beat it. Sources: Kendall, Gal and Cipolla (arXiv 1705.07115; its s is the log of
a variance, and losses of one kind need no factor between them); PCGrad, Yu et al. (arXiv
2001.06782; with two tasks the order in which gradients are projected does not matter).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from models import TASKS

Objectives = Mapping[str, Tensor]
"""The weighted objective of each task in the batch."""
Parameters = Callable[[], Iterable[Tensor]]
"""Gives the model's parameters. Tensors would be inputs of a module: torch's counter of FLOPs hooks
those, and no gradient with respect to a hooked leaf can be taken."""


def total(objectives: Objectives) -> Tensor:
    return torch.stack(list(objectives.values())).sum()


class Sum(nn.Module):
    def forward(self, objectives: Objectives, parameters: Parameters) -> Tensor:
        return total(objectives)


class LossWeights(nn.Module):
    """A weight a task, learnt with the model; all are 1 at the start."""

    def __init__(self) -> None:
        super().__init__()
        self.log_spread = nn.ParameterDict({task: torch.zeros(1) for task in TASKS})

    def forward(self, objectives: Objectives, parameters: Parameters) -> Tensor:
        spreads = {task: self.log_spread[task][0] for task in objectives}
        return total({task: (-s).exp() * objectives[task] + s for task, s in spreads.items()})


class ProjectedGradients(nn.Module):
    """PCGrad. What it returns has the wanted gradient, and no meaning as a loss."""

    def forward(self, objectives: Objectives, parameters: Parameters) -> Tensor:
        if len(objectives) == 1:
            return total(objectives)
        trained = [one for one in parameters() if one.requires_grad]
        with torch.autocast(trained[0].device.type, enabled=False):  # a backward pass has none
            first, second = (
                torch.autograd.grad(one, trained, allow_unused=True) for one in objectives.values()
            )
        slopes = [
            (parameter * wanted).sum()
            for parameter, wanted in zip(trained, without_conflict(first, second), strict=True)
            if wanted is not None
        ]
        return torch.stack(slopes).sum()


Gradients = Sequence[Tensor | None]


def without_conflict(first: Gradients, second: Gradients) -> list[Tensor | None]:
    """The sum of both, each without its part along the other where their product is negative.

    Products run over the parameters that both tasks reach, taken as one vector; a parameter of one
    task keeps its gradient, and one of neither has None.
    """
    pairs = list(zip(first, second, strict=True))
    both = [(one, other) for one, other in pairs if one is not None and other is not None]
    product, first_square, second_square = (
        sum(((x * y).sum() for x, y in chosen), start=torch.zeros(()))
        for chosen in (both, [(x, x) for x, _ in both], [(y, y) for _, y in both])
    )
    smallest = torch.finfo(torch.float32).tiny  # a task without gradient conflicts with none
    overlap = product.clamp(max=0)
    kept = [1 - overlap / square.clamp(min=smallest) for square in (first_square, second_square)]
    return [
        kept[0] * one + kept[1] * other
        if one is not None and other is not None
        else (other if one is None else one)
        for one, other in pairs
    ]


COMBINERS: dict[str, type[nn.Module]] = {
    "sum": Sum,
    "loss_weights": LossWeights,
    "pcgrad": ProjectedGradients,
}
