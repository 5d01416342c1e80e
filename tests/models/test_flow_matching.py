"""The bridge's flow: what an exact estimate costs and draws, and where guidance leads."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from models.flow_matching import Conditions, diffusion_decoder, flow_matching_loss, follow_flow

SHAPE = (3, 2, 4, 4)
CLEAN, NOISE = (torch.randn(SHAPE, generator=torch.Generator().manual_seed(s)) for s in (0, 1))


def told(level: float) -> Conditions:
    return Conditions(torch.full((len(CLEAN), 1, 8), level))


@pytest.fixture
def decoder() -> Any:
    return diffusion_decoder(channels=2, grid=4, patch=2, depth=1, heads=1, head_width=8)


def test_an_exact_estimate_of_the_images_has_no_loss_and_draws_them(decoder: Any) -> None:
    def exact(noisy: Tensor, timestep: Tensor, **_: object) -> SimpleNamespace:
        return SimpleNamespace(sample=(noisy - CLEAN) / (timestep / 1000)[:, None, None, None])

    decoder.forward = exact
    loss = flow_matching_loss(decoder, CLEAN, told(0.0), torch.Generator().manual_seed(2))
    assert loss.item() < 1e-6
    drawn = follow_flow(decoder, told(0.0), NOISE, 5, 1.0)
    torch.testing.assert_close(drawn, CLEAN.flatten(2).transpose(1, 2))


def test_guidance_leads_from_the_unprompted_estimate_through_the_prompted_one(decoder: Any) -> None:
    def constant(noisy: Tensor, encoder_hidden_states: Tensor, **_: object) -> SimpleNamespace:
        level = encoder_hidden_states.mean((1, 2))[:, None, None, None]
        return SimpleNamespace(sample=level.expand_as(noisy))

    decoder.forward = constant
    both = Conditions(torch.cat((told(2.0).states, told(1.5).states)))
    for guidance, moved in ((1.0, 2.0), (3.0, 3.0), (0.0, 1.5)):
        drawn = follow_flow(decoder, both, NOISE, 4, guidance)
        torch.testing.assert_close(drawn, (NOISE - moved).flatten(2).transpose(1, 2))
