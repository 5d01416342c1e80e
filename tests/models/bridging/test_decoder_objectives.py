"""What a decoder is to estimate, against the definitions worked out apart."""

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
    PNDMScheduler,
)

from models.bridging.decoder_objectives import Diffusion, Flow, objective_of

BETAS = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear"}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def clean(count: int = 4) -> torch.Tensor:
    return torch.randn(count, 2, 3, 3, generator=generator(9))


def by_image(values: torch.Tensor) -> torch.Tensor:
    return values[:, None, None, None]


def test_a_flow_runs_straight_from_latents_to_noise_at_uniform_levels() -> None:
    images = clean(2000)
    noised = Flow().noised(images, generator())
    levels = noised.timesteps / 1000
    expected = images + by_image(levels) * noised.target
    torch.testing.assert_close(noised.latents, expected, rtol=0, atol=1e-5)
    noise = noised.target + images
    assert noise.mean().abs() < 0.02
    assert (noise.std() - 1).abs() < 0.02
    shares = torch.histc(levels, bins=4, min=0, max=1) / len(levels)
    assert (shares - 0.25).abs().max() < 0.03


def shares_of(timesteps: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The shares of latents and noise of Stable Diffusion's schedule, from its definition."""
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000) ** 2
    kept = np.cumprod(1 - betas)[timesteps.numpy()]
    return tuple(by_image(torch.tensor(share).float()) for share in (kept**0.5, (1 - kept) ** 0.5))


@pytest.mark.parametrize("kind", [DDIMScheduler, PNDMScheduler, DPMSolverMultistepScheduler])
def test_the_noise_is_estimated_at_the_schedulers_own_levels(kind: type) -> None:
    images = clean(500)
    noised = objective_of(kind(**BETAS)).noised(images, generator())
    latent_share, noise_share = shares_of(noised.timesteps)
    expected = latent_share * images + noise_share * noised.target
    torch.testing.assert_close(noised.latents, expected, rtol=0, atol=1e-5)
    assert noised.timesteps.dtype == torch.int64
    assert (noised.timesteps.min() < 20, noised.timesteps.max() > 980) == (True, True)


def test_a_velocity_is_estimated_where_the_scheduler_says_so() -> None:
    images = clean()
    objective = objective_of(DDIMScheduler(prediction_type="v_prediction", **BETAS))
    noised = objective.noised(images, generator())
    latent_share, noise_share = shares_of(noised.timesteps)
    noise = (noised.latents - latent_share * images) / noise_share
    expected = latent_share * noise - noise_share * images
    torch.testing.assert_close(noised.target, expected, rtol=0, atol=1e-4)


def test_the_scheduler_decides_the_objective() -> None:
    flow = DPMSolverMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True)
    assert isinstance(objective_of(flow), Flow)
    assert isinstance(objective_of(FlowMatchEulerDiscreteScheduler()), Flow)
    assert isinstance(objective_of(DDIMScheduler()), Diffusion)
    with pytest.raises(ValueError, match="got 'sample' in EulerDiscreteScheduler"):
        objective_of(EulerDiscreteScheduler(prediction_type="sample"))


@pytest.mark.parametrize("objective", [Flow(), Diffusion(DDIMScheduler(**BETAS))])
def test_all_that_is_random_is_the_generators(objective: Flow | Diffusion) -> None:
    one, again, other = (objective.noised(clean(), generator(seed)) for seed in (1, 1, 2))
    assert torch.equal(one.latents, again.latents)
    assert torch.equal(one.timesteps, again.timesteps)
    assert not torch.equal(one.target, other.target)
