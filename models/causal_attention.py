"""Causal attention on a CPU: products by blocks of queries, each over the keys that it may see.

The triangle above the diagonal is a third of the work and of the memory traffic; blocks leave most
of it out. The gradients are written by hand, so that they add up in place and nothing is kept but
the probabilities. Where keys are marked, the mass that each query puts on them is read off the same
probabilities. The tests compare it with the plain form in double precision.
"""

from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

BLOCK = 32
"""Queries of a block. More blocks leave out more, in smaller products; where the number of keys is
a multiple of 32, products and softmax take half the time."""


def causal_mask(length: int, device: torch.device, dtype: torch.dtype) -> Float[Tensor, "n n"]:
    """Additive mask: 0 where a position may look, minus infinity at later positions."""
    return torch.full((length, length), float("-inf"), device=device, dtype=dtype).triu_(1)


def spans(length: int) -> Iterator[tuple[int, int]]:
    """Start and end of each block of queries."""
    for start in range(0, length, BLOCK):
        yield start, min(start + BLOCK, length)


class _CausalAttention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, query: Tensor, key: Tensor, value: Tensor, marked: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        scaled = (query * query.shape[-1] ** -0.5).flatten(0, 1)
        keys, values = key.flatten(0, 1), value.flatten(0, 1)
        out, kept, masses = torch.empty_like(scaled), [], []
        for start, end in spans(query.shape[-2]):
            logits = torch.bmm(scaled[:, start:end], keys[:, :end].transpose(1, 2))
            logits[..., start:] += causal_mask(end - start, logits.device, logits.dtype)
            kept.append(torch.softmax(logits, dim=-1))
            out[:, start:end] = torch.bmm(kept[-1], values[:, :end])
            if marked is not None:
                by_sample = kept[-1].view(len(marked), -1, end)
                mass = torch.bmm(by_sample, marked[:, :end, None])
                masses.append(mass.view(*query.shape[:2], end - start))
        ctx.save_for_backward(scaled, keys, values, marked, *kept)
        return out.view_as(query), torch.cat(masses, dim=-1) if masses else None

    @staticmethod
    @once_differentiable
    def backward(
        ctx: Any, gradient: Tensor, of_mass: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, None]:
        scaled, keys, values, marked, *kept = ctx.saved_tensors
        flat = gradient.flatten(0, 1)
        slopes = torch.empty_like(scaled), torch.zeros_like(keys), torch.zeros_like(values)
        of_query, of_key, of_value = slopes
        blocks = zip(spans(flat.shape[1]), kept, strict=True)
        for (start, end), probabilities in reversed(list(blocks)):
            part = flat[:, start:end]
            of_logits = torch.bmm(part, values[:, :end].transpose(1, 2))
            if of_mass is not None and marked is not None:
                of_map = of_logits.view(*of_mass.shape[:2], end - start, end)
                of_map.addcmul_(of_mass[:, :, start:end, None], marked[:, None, None, :end])
            of_logits = torch.ops.aten._softmax_backward_data(
                of_logits, probabilities, -1, of_logits.dtype
            )
            of_query[:, start:end] = torch.bmm(of_logits, keys[:, :end])
            of_key[:, :end].baddbmm_(of_logits.transpose(1, 2), scaled[:, start:end])
            of_value[:, :end].baddbmm_(probabilities.transpose(1, 2), part)
        of_query.mul_(gradient.shape[-1] ** -0.5)
        of_query, of_key, of_value = (slope.view_as(gradient) for slope in slopes)
        return of_query, of_key, of_value, None


def causal_attention(
    query: Float[Tensor, "b h n c"], key: Float[Tensor, "b h n c"], value: Float[Tensor, "b h n c"]
) -> Float[Tensor, "b h n c"]:
    """Softmax attention of each position over itself and the earlier ones, in the inputs' dtype."""
    return _CausalAttention.apply(query, key, value, None)[0]  # pyright: ignore


def causal_attention_mass(
    query: Float[Tensor, "b h n c"],
    key: Float[Tensor, "b h n c"],
    value: Float[Tensor, "b h n c"],
    marked: Float[Tensor, "b n"],
) -> tuple[Float[Tensor, "b h n c"], Float[Tensor, "b h n"]]:
    """`causal_attention`, and the probability that each query puts on the keys where `marked` is 1.

    A bit of the output does not change by the marks, which are in the inputs' dtype.
    """
    return _CausalAttention.apply(query, key, value, marked)  # pyright: ignore
