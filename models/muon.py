"""Muon over many small matrices: one Newton-Schulz iteration for all of a shape.

It is torch's Muon (Jordan et al., 2024) with the same arithmetic. What differs is that a CPU gets a
few batched products in place of fifteen small ones a matrix, and that a matrix of which each
process holds a part (models/shards.py) is put together for the iteration.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from models.shards import local, own_parts, whole_stack


class BatchedMuon(torch.optim.Muon):
    """`iterates_in` is the type of the iteration's products; torch's Muon has bf16."""

    def __init__(self, *args: Any, iterates_in: torch.dtype = torch.bfloat16, **named: Any) -> None:
        super().__init__(*args, **named)
        self.iterates_in = iterates_in

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # pyright: ignore
        for group in self.param_groups:
            shapes: dict[torch.Size, list[Tensor]] = {}
            for matrix in group["params"]:
                if matrix.grad is not None:
                    shapes.setdefault(matrix.shape, []).append(matrix)
            for matrices in shapes.values():
                self._step_together(matrices, group)

    def _step_together(self, matrices: Sequence[Tensor], group: dict[str, Any]) -> None:
        first = matrices[0]
        weights = [local(matrix) for matrix in matrices]
        slopes = [local(matrix.grad) for matrix in matrices]  # pyright: ignore
        momenta = [local(self._momentum(matrix)) for matrix in matrices]
        torch._foreach_lerp_(momenta, slopes, 1 - group["momentum"])  # pyright: ignore
        updates = torch._foreach_lerp(slopes, momenta, group["momentum"])  # pyright: ignore
        whole = whole_stack(updates, first).to(self.iterates_in)
        updates = orthogonal(whole, group["ns_coefficients"], group["ns_steps"], group["eps"])
        rate = group["lr"] * math.sqrt(max(1, first.shape[0] / first.shape[1]))
        torch._foreach_mul_(weights, 1 - group["lr"] * group["weight_decay"])  # pyright: ignore
        torch._foreach_add_(weights, own_parts(updates.to(first.dtype), first), alpha=-rate)  # pyright: ignore

    def _momentum(self, matrix: Tensor) -> Tensor:
        state = self.state[matrix]
        if not state:
            state["momentum_buffer"] = torch.zeros_like(matrix)
        return state["momentum_buffer"]


def orthogonal(
    matrices: Float[Tensor, "k n m"],
    coefficients: tuple[float, float, float],
    steps: int,
    least_norm: float,
) -> Float[Tensor, "k n m"]:
    """Each matrix with its singular values brought near one by Newton and Schulz."""
    a, b, c = coefficients
    is_tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if is_tall else matrices
    x = x / torch.linalg.vector_norm(x, dim=(1, 2), keepdim=True).clamp_min(least_norm)
    for _ in range(steps):
        gram = torch.bmm(x, x.mT)
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if is_tall else x
