"""Masses are those of the full attention map, whichever kernel computes them."""

import math

import pytest
import torch
from torch.nn.attention import SDPBackend
from torch.profiler import profile

from models import attention_mass
from models.attention_mass import Watch, fused_attention_mass
from models.causal_attention import causal_attention, causal_attention_mass
from tests.models.conftest import whole_map

LENGTH = 23
WAYS = (causal_attention_mass, fused_attention_mass)


def draw(width: int, dtype: torch.dtype) -> list[torch.Tensor]:
    """Query, key and value of 2 sequences and 3 heads, and marks that differ by sequence."""
    generator = torch.Generator().manual_seed(width)
    shape = (2, 3, LENGTH, width)
    inputs = [torch.randn(shape, generator=generator).to(dtype) for _ in range(3)]
    marked = torch.zeros(2, LENGTH, dtype=dtype)
    marked[0, 2:9], marked[1, 1:4] = 1, 1
    return [*(one.requires_grad_() for one in inputs), marked]


@pytest.mark.parametrize("width", [32, 64, 128])
@pytest.mark.parametrize("way", WAYS)
def test_output_masses_and_gradients_are_the_full_maps_for_each_query(way, width: int) -> None:
    query, key, value, marked = draw(width, torch.float32)
    mixed, mass = way(query, key, value, marked)
    expected = whole_map(query, key, value, marked)
    torch.testing.assert_close(mixed, expected[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(mass, expected[1], rtol=0, atol=1e-5)
    generator = torch.Generator().manual_seed(1)
    pulls = [torch.randn(one.shape, generator=generator) for one in expected]
    inputs = (query, key, value)
    ours = torch.autograd.grad((mixed, mass), inputs, pulls)
    theirs = torch.autograd.grad(expected, inputs, pulls)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-5)


@pytest.mark.parametrize("width", [32, 64, 128])
@pytest.mark.parametrize("way", WAYS)
def test_bf16_masses_are_the_full_maps_in_the_mean(way, width: int) -> None:
    query, key, value, marked = draw(width, torch.bfloat16)
    _, mass = way(query, key, value, marked)
    _, expected = whole_map(*(one.float() for one in (query, key, value, marked)))
    assert mass.float().mean().item() == pytest.approx(expected.mean().item(), abs=1e-3)


def test_the_fused_kernel_runs_on_heads_padded_to_its_width_and_no_map_is_built() -> None:
    query, key, value, marked = draw(32, torch.float32)
    with profile(record_shapes=True) as ran:
        fused_attention_mass(query, key, value, marked)
    shapes = {
        event.key: event.input_shapes[0] for event in ran.key_averages(group_by_input_shape=True)
    }
    assert shapes["aten::_scaled_dot_product_flash_attention_for_cpu"] == [2, 3, LENGTH, 40]
    assert not {"aten::_softmax", "aten::_scaled_dot_product_attention_math"} & set(shapes)


def test_where_no_fused_kernel_takes_the_inputs_no_other_steps_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(attention_mass, "FUSED", [SDPBackend.EFFICIENT_ATTENTION])  # not on a CPU
    with pytest.raises(RuntimeError, match="No viable backend"):
        fused_attention_mass(*draw(32, torch.float32))


def test_a_layers_mass_is_the_mean_over_heads_and_asking_tokens_of_a_hand_built_map() -> None:
    # One channel: a query of 1 sees logits that are the keys themselves, one of 0 sees equal ones.
    key = torch.tensor([0.0, math.log(3.0), 0.0, 0.0]).view(1, 1, 4, 1).expand(1, 2, 4, 1)
    query = torch.ones(1, 2, 4, 1)
    query[:, 1] = 0
    asking = torch.tensor([[False, False, True, True]])
    watch = Watch(asking, torch.tensor([[False, True, False, False]]))
    mixed = watch.attend(query, key, key)
    assert torch.equal(mixed, causal_attention(query, key, key))
    # Head 1: 3 of 5 at position 2, 3 of 6 at position 3; head 2: 1 of 3, 1 of 4.
    expected = (3 / 5 + 3 / 6 + 1 / 3 + 1 / 4) / 4
    assert watch.masses[0].item() == pytest.approx(expected, abs=1e-6)


def test_a_sequence_where_nobody_asks_has_no_mass_and_does_not_count() -> None:
    nobody, some = torch.zeros(1, 4, dtype=torch.bool), torch.ones(1, 4, dtype=torch.bool)
    watch = Watch(torch.cat((some, nobody, some)), torch.cat((some, some, nobody)))
    watch.attend(*torch.ones(3, 3, 1, 4, 2).unbind())
    torch.testing.assert_close(watch.masses[0], torch.tensor([1.0, 0.0, 0.0]))
    assert watch.counted.tolist() == [True, False, False]
