"""The hand-written functions and gradients equal the textbook forms and autograd."""

import pytest
import torch
from torch.autograd import gradcheck

from models.fused import (
    head_rms_norm,
    permute,
    rms_norm,
    rotary,
    swiglu,
    weighted_sum,
)


def doubles(*shape: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.double).requires_grad_()


def test_rms_norm_equals_torch_and_has_its_gradient() -> None:
    x, weight = doubles(2, 3, 8), doubles(8, seed=1)
    expected = torch.nn.functional.rms_norm(x, (8,), weight, 1e-6)
    torch.testing.assert_close(rms_norm(x, weight, 1e-6), expected)
    assert gradcheck(lambda x, w: rms_norm(x, w, 1e-6), (x, weight))


def test_head_rms_norm_scales_each_head_and_has_its_gradient() -> None:
    x, scale = doubles(2, 3, 4, 8), doubles(4, seed=1)
    expected = torch.nn.functional.rms_norm(x, (8,), None, 1e-6) * scale[:, None]
    torch.testing.assert_close(head_rms_norm(x, scale, 1e-6), expected)
    assert gradcheck(lambda x, s: head_rms_norm(x, s, 1e-6), (x, scale))


@pytest.mark.parametrize("leading", [(3,), (2, 3)])
def test_rotary_turns_pairs_and_its_gradient_turns_them_back(leading: tuple[int, ...]) -> None:
    x, angles = doubles(2, 3, 4, 8), doubles(*leading, 4, seed=1).detach()
    cosine = torch.cat((angles.cos(), angles.cos()) * 5, -1)  # a head more than `x` has
    sine = torch.cat((-angles.sin(), angles.sin()) * 5, -1)
    turned = rotary(x, cosine, sine)
    pairs = torch.complex(x[..., :4], x[..., 4:])
    expected = pairs * torch.polar(torch.ones_like(angles), angles)[..., None, :]
    torch.testing.assert_close(torch.complex(turned[..., :4], turned[..., 4:]), expected)
    assert gradcheck(lambda x: rotary(x, cosine, sine), (x,))


def test_swiglu_equals_its_formula_and_has_its_gradient() -> None:
    gate, up = doubles(2, 5), doubles(2, 5, seed=1)
    torch.testing.assert_close(swiglu(gate, up), torch.nn.functional.silu(gate) * up)
    assert gradcheck(swiglu, (gate, up))


def test_bf16_stays_close_to_fp32() -> None:
    x, weight = doubles(4, 64).detach(), doubles(64, seed=1).detach()
    exact = rms_norm(x.float(), weight.float(), 1e-6)
    torch.testing.assert_close(
        rms_norm(x.bfloat16(), weight.float(), 1e-6).float(), exact, rtol=0.03, atol=0.03
    )


def test_permute_reorders_rows_and_sends_gradients_back_to_them() -> None:
    rows, order = doubles(5, 3), torch.tensor([3, 0, 4, 1, 2])
    inverse = order.argsort()
    assert torch.equal(permute(rows, order, inverse), rows[order])
    assert gradcheck(lambda x: permute(x, order, inverse), (rows,))


def test_permute_may_repeat_a_row_whose_other_place_sends_nothing_back() -> None:
    rows, order, inverse = doubles(2, 3), torch.tensor([1, 0, 1]), torch.tensor([1, 2])
    (slope,) = torch.autograd.grad(
        permute(rows, order, inverse)[:, 0] @ torch.tensor([9.0, 5.0, 7.0], dtype=torch.double),
        rows,
    )
    assert slope[:, 0].tolist() == [5.0, 7.0]  # the first place, which repeats row 1, is not named


def test_permute_adds_up_what_comes_back_from_all_places_of_a_row() -> None:
    rows, order = doubles(2, 3), torch.tensor([1, 0, 0, 1])
    places = torch.tensor([1, 0]), torch.tensor([2, 3])
    assert gradcheck(lambda x: permute(x, order, *places), (rows,))


def test_weighted_sum_equals_its_formula_and_has_its_gradient() -> None:
    weights, parts = doubles(3, 4, 1), [doubles(4, 5, seed=seed) for seed in (1, 2, 3)]
    expected = (weights * torch.stack(parts)).sum(0)
    torch.testing.assert_close(weighted_sum(weights, parts), expected)
    assert gradcheck(lambda w, *x: weighted_sum(w, x), (weights, *parts))
