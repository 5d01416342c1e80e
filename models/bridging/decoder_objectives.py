"""What a published decoder learns to estimate from a noised image, as its scheduler has it.

    flow    (1 - s) x + s e  at s uniform in [0, 1)     ──▶ e - x    Sana
    noise   a x + b e        at a uniform timestep      ──▶ e        Stable Diffusion 1.5
    velocity  the same                                  ──▶ a e - b x

MetaQuery (arXiv 2504.06256) trains Sana by the first and Stable Diffusion by the second.
"""

from dataclasses import dataclass
from typing import Any

import torch
from diffusers.schedulers.scheduling_ddpm import DDPMScheduler
from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
    FlowMatchEulerDiscreteScheduler,
)
from jaxtyping import Float, Num
from torch import Tensor

LEVELS = 1000
"""A flow's noise level is told to a decoder in thousandths."""


@dataclass(frozen=True)
class Noised:
    """Noised latents, the timestep that tells the decoder how far, and what it is to estimate."""

    latents: Float[Tensor, "b l y x"]
    timesteps: Num[Tensor, "b"]
    target: Float[Tensor, "b l y x"]


class Flow:
    """Flow matching at uniform levels; all that is random comes from a generator on the CPU."""

    def noised(self, clean: Float[Tensor, "b l y x"], generator: torch.Generator) -> Noised:
        levels = torch.rand(len(clean), generator=generator).to(clean.device)
        noise = torch.randn(clean.shape, generator=generator).to(clean.device)
        share = levels[:, None, None, None]
        return Noised((1 - share) * clean + share * noise, levels * LEVELS, noise - clean)


class Diffusion:
    """Noise, or velocity, at uniform timesteps of the scheduler's own noise levels."""

    def __init__(self, scheduler: Any) -> None:
        self.scheduler: Any = DDPMScheduler.from_config(scheduler.config)
        self.estimates_noise = scheduler.config.prediction_type == "epsilon"

    def noised(self, clean: Float[Tensor, "b l y x"], generator: torch.Generator) -> Noised:
        count = self.scheduler.config.num_train_timesteps
        timesteps = torch.randint(count, (len(clean),), generator=generator).to(clean.device)
        noise = torch.randn(clean.shape, generator=generator).to(clean.device)
        latents = self.scheduler.add_noise(clean, noise, timesteps)
        if self.estimates_noise:
            return Noised(latents, timesteps, noise)
        return Noised(latents, timesteps, self.scheduler.get_velocity(clean, noise, timesteps))


Objective = Flow | Diffusion


def objective_of(scheduler: Any) -> Objective:
    """The objective that a pipeline's scheduler draws by; ValueError for one that is none here."""
    if isinstance(scheduler, FlowMatchEulerDiscreteScheduler):
        return Flow()
    kind = scheduler.config.get("prediction_type")
    if kind == "flow_prediction":
        return Flow()
    if kind in ("epsilon", "v_prediction"):
        return Diffusion(scheduler)
    raise ValueError(
        "a decoder's scheduler must have prediction_type flow_prediction, epsilon or "
        f"v_prediction, got {kind!r} in {type(scheduler).__name__}."
    )
