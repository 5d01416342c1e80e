"""Memory-lean element-wise functions with hand-written gradients.

On a CPU a small trunk spends more time in element-wise passes than in matrix products. PyTorch's
own RMS norm is a chain of casts there, and autograd keeps or copies what the gradients below do
not need. Each function does the textbook arithmetic in the dtype of its input, with sums over
channels in fp32 or as matrix products. The tests check every gradient against autograd in double
precision; `make perf` prints what they save.
"""

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.autograd.function import once_differentiable


def _inverse_rms(x: Tensor, epsilon: float) -> Tensor:
    norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=_sum_dtype(x))
    return norm.square_().div_(x.shape[-1]).add_(epsilon).rsqrt_()


def _sum_dtype(x: Tensor) -> torch.dtype:
    return torch.float64 if x.dtype == torch.float64 else torch.float32


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, epsilon: float) -> Tensor:
        inverse, scale = _inverse_rms(x, epsilon).to(x.dtype), weight.to(x.dtype)
        ctx.save_for_backward(x, weight, inverse)
        return (x * inverse).mul_(scale)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        x, weight, inverse = ctx.saved_tensors
        scale = weight.to(x.dtype)
        product = gradient * x
        summed = inverse.flatten()[None] @ product.flatten(0, -2)
        shrink = (product @ scale[:, None]) * inverse.pow(3) / x.shape[-1]
        slope = (gradient * scale).mul_(inverse)
        return slope.addcmul_(x, shrink, value=-1), summed[0].to(weight.dtype), None


def rms_norm(x: Float[Tensor, "... d"], weight: Float[Tensor, "d"], epsilon: float) -> Tensor:
    """`x / rms(x) * weight`, the root mean square over the last axis (Zhang and Sennrich, 2019)."""
    return _RMSNorm.apply(x, weight, epsilon)  # pyright: ignore[reportReturnType]


class _HeadRMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, epsilon: float) -> Tensor:
        inverse = _inverse_rms(x, epsilon)
        ctx.save_for_backward(x, scale, inverse)
        return x * (inverse * scale[:, None]).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        x, scale, inverse = ctx.saved_tensors
        ones = x.new_ones(x.shape[-1], 1)
        projection = ((gradient * x) @ ones).to(inverse.dtype) * inverse
        scale_gradient = projection.sum(tuple(range(x.dim() - 2)))[:, 0]
        factor = inverse * scale[:, None]
        shrink = projection * inverse * factor / x.shape[-1]
        slope = gradient * factor.to(x.dtype)
        return slope.addcmul_(x, shrink.to(x.dtype), value=-1), scale_gradient.to(scale.dtype), None


def head_rms_norm(
    x: Float[Tensor, "... h c"], scale: Float[Tensor, "h"], epsilon: float
) -> Float[Tensor, "... h c"]:
    """RMS norm over a head's channels, times one learnable scale a head."""
    return _HeadRMSNorm.apply(x, scale, epsilon)  # pyright: ignore[reportReturnType]


def _swap_halves(x: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=-1)
    return torch.cat((second, first), dim=-1)


def _rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    flat = x.flatten(-2)
    return (flat * cosine).addcmul_(_swap_halves(x).flatten(-2), sine).view_as(x)


class _Rotary(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        ctx.save_for_backward(cosine, sine)
        return _rotate(x, cosine, sine)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        cosine, sine = ctx.saved_tensors
        return _rotate(gradient.contiguous(), cosine, -sine), None, None


def rotary(
    x: Float[Tensor, "b n h c"], cosine: Float[Tensor, "... e"], sine: Float[Tensor, "... e"]
) -> Float[Tensor, "b n h c"]:
    """Rotates channel i against channel i + c/2 (Su et al., 2021; the Llama family's pairing).

    `cosine` and `sine` are `[n, e]` or `[b, n, e]`, those of at least as many heads side by side;
    the sines of the first half of a head are negative. The gradient of a rotation is the rotation
    back.
    """
    width = x.shape[-2] * x.shape[-1]
    tables = (table[..., :width].to(x.dtype) for table in (cosine, sine))
    return _Rotary.apply(x, *tables)  # pyright: ignore[reportReturnType]


class _SwiGLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, gate: Tensor, up: Tensor) -> Tensor:
        activated = torch.nn.functional.silu(gate)
        ctx.save_for_backward(gate, up, activated)
        return activated * up

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor]:
        gate, up, activated = ctx.saved_tensors
        up_gradient = gradient * activated
        return torch.ops.aten.silu_backward(gradient * up, gate), up_gradient


def swiglu(gate: Float[Tensor, "... f"], up: Float[Tensor, "... f"]) -> Float[Tensor, "... f"]:
    """`silu(gate) * up` (Shazeer, 2020)."""
    return _SwiGLU.apply(gate, up)  # pyright: ignore[reportReturnType]


class _WeightedSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weights: Tensor, *parts: Tensor) -> Tensor:
        ctx.save_for_backward(weights, *parts)
        total = parts[0] * weights[0]
        for part, weight in zip(parts[1:], weights[1:], strict=True):
            total.addcmul_(part, weight)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        weights, *parts = ctx.saved_tensors
        ones = gradient.new_ones(gradient.shape[-1], 1)
        of_weights = torch.stack([(gradient * part) @ ones for part in parts])
        return of_weights, *(gradient * weight for weight in weights)


def weighted_sum(
    weights: Float[Tensor, "k t 1"], parts: Sequence[Float[Tensor, "t d"]]
) -> Float[Tensor, "t d"]:
    """`parts` added up, each row times its weight."""
    return _WeightedSum.apply(weights, *parts)  # pyright: ignore[reportReturnType]


class _Permute(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, order: Tensor, *places: Tensor) -> Tensor:
        ctx.save_for_backward(*places)
        return rows.index_select(0, order)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        first, *others = ctx.saved_tensors
        total = gradient.index_select(0, first)
        for places in others:
            total += gradient.index_select(0, places)
        return total, None, None, *([None] * len(others))


def permute(
    rows: Float[Tensor, "t *d"], order: Int[Tensor, "s"], *places: Int[Tensor, "t"]
) -> Float[Tensor, "s *d"]:
    """`rows[order]`, where row i goes to the place `[i]` of each of `places`: the gradient is a
    gather, not a scatter. Places that are not named send nothing back.
    """
    return _Permute.apply(rows, order, *places)  # pyright: ignore[reportReturnType]
