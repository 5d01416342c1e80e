"""Attention by blocks equals the plain form under a causal mask, gradients included."""

import pytest
import torch
from torch.autograd import gradcheck

from models import causal_attention as blocked
from models.blocks import plain_attention
from models.causal_attention import (
    causal_attention,
    causal_attention_mass,
    causal_mask,
    spans,
)


def draw(length: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(length)
    shape = (2, length, 3, 4)  # heads beside channels, as the projections leave them
    return [
        torch.randn(shape, generator=generator, dtype=torch.double).transpose(1, 2).requires_grad_()
        for _ in range(3)
    ]


@pytest.mark.parametrize("length", [1, 2, 5, 7, 16])
def test_blocks_equal_the_whole_map(length: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocked, "BLOCK", 5)
    inputs = draw(length)
    expected = plain_attention(*inputs, causal_mask(length, torch.device("cpu"), torch.double))
    torch.testing.assert_close(causal_attention(*inputs), expected)
    assert gradcheck(causal_attention, inputs)


def test_blocks_cover_every_position_once() -> None:
    for length in range(1, 70):
        covered = [place for start, end in spans(length) for place in range(start, end)]
        assert covered == list(range(length))


@pytest.mark.parametrize("length", [1, 5, 37])
def test_the_mass_on_marked_keys_leaves_the_output_alone_and_has_the_maps_gradient(
    length: int,
) -> None:
    inputs = draw(length)
    marked = (torch.arange(2 * length).view(2, length) % 3 == 0).double()
    mixed, _ = causal_attention_mass(*inputs, marked)
    assert torch.equal(mixed, causal_attention(*inputs))
    assert gradcheck(lambda *xs: causal_attention_mass(*xs, marked), inputs)
