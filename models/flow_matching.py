"""Flow matching: how the bridge's decoder is trained, and how images are drawn from it.

The decoder estimates the velocity `noise - latents` between an image's latents and noise; drawing
follows the estimate from noise to latents by Euler steps. Noise levels are logit-normal (Esser et
al., 2024, arXiv 2403.03206).
"""

from dataclasses import dataclass

import torch
from diffusers.models.attention_processor import AttnProcessor
from diffusers.models.transformers.pixart_transformer_2d import PixArtTransformer2DModel
from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
    FlowMatchEulerDiscreteScheduler,
)
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.initialise import generator_for
from models.pieces import WHOLE, Piece


@dataclass(frozen=True)
class Conditions:
    """What the decoder attends to: `states` [b q w], of them those in `kept` [b q] (None: all)."""

    states: Float[Tensor, "b q w"]
    kept: Bool[Tensor, "b q"] | None = None


def diffusion_decoder(
    channels: int, grid: int, patch: int, depth: int, heads: int, head_width: int
) -> PixArtTransformer2DModel:
    """An untrained decoder of latents [b l y x] of `channels`, `grid` a side, in squares of
    `patch`; its conditions are as wide as itself. ValueError where `patch` does not divide `grid`.
    """
    if grid % patch:
        raise ValueError(
            f"model.decoder_patch must divide the image's {grid} tokens a side, got {patch}."
        )
    width = heads * head_width
    decoder = PixArtTransformer2DModel(
        num_attention_heads=heads,
        attention_head_dim=head_width,
        num_layers=depth,
        in_channels=channels,
        out_channels=channels,
        cross_attention_dim=width,
        caption_channels=width,
        sample_size=grid,
        patch_size=patch,
        norm_type="ada_norm_single",
        use_additional_conditions=False,
    )
    decoder.set_attn_processor(AttnProcessor())  # plain products: see blocks.attend
    return decoder


def velocity(
    decoder: PixArtTransformer2DModel,
    noisy: Float[Tensor, "b l y x"],
    sigma: Float[Tensor, "b"],
    conditions: Conditions,
) -> Float[Tensor, "b l y x"]:
    """The decoder's estimate of noise minus latents at noise level `sigma` in [0, 1]."""
    return decoder(
        noisy,
        encoder_hidden_states=conditions.states,
        encoder_attention_mask=conditions.kept,
        timestep=sigma * 1000,
        added_cond_kwargs={"resolution": None, "aspect_ratio": None},
    ).sample


def flow_matching_loss(
    decoder: PixArtTransformer2DModel,
    clean: Float[Tensor, "b l y x"],
    conditions: Conditions,
    generator: torch.Generator,
    piece: Piece = WHOLE,
) -> Float[Tensor, ""]:
    """Squared error of the velocity at one noise level an image; `generator` gives the noise of the
    whole step, of which a piece takes its own rows."""
    count = len(clean) * piece.count
    levels = torch.randn(count, generator=generator).sigmoid()
    noises = torch.randn((count, *clean.shape[1:]), generator=generator)
    sigma, noise = (piece.rows(drawn).to(clean.device) for drawn in (levels, noises))
    level = sigma[:, None, None, None]
    estimate = velocity(decoder, (1 - level) * clean + level * noise, sigma, conditions)
    return nn.functional.mse_loss(estimate.float(), noise - clean)


@torch.no_grad()
def follow_flow(
    decoder: PixArtTransformer2DModel,
    conditions: Conditions,
    noise: Float[Tensor, "b l y x"],
    steps: int,
    guidance: float,
) -> Float[Tensor, "b p l"]:
    """Latents by Euler steps from `noise`.

    With twice as many conditions as images the second half is unprompted, and guides.
    """
    scheduler = FlowMatchEulerDiscreteScheduler()
    scheduler.set_timesteps(steps)
    times: Tensor = scheduler.timesteps  # pyright: ignore[reportAssignmentType]
    latents, guided = noise, len(conditions.states) > len(noise)
    for time in times:
        twice = torch.cat((latents, latents)) if guided else latents
        sigma = (time / 1000).expand(len(twice)).to(latents.device)
        flow = velocity(decoder, twice, sigma, conditions).float()
        if guided:
            prompted, free = flow.chunk(2)
            flow = free + guidance * (prompted - free)
        # diffusers annotates these as FloatTensor
        latents = scheduler.step(flow, time, latents, return_dict=False)[0]  # pyright: ignore
    return rearrange(latents, "b l y x -> b (y x) l")


def latent_noise(seeds: list[int], shape: tuple[int, ...]) -> Float[Tensor, "b ..."]:
    """Standard normal noise, one generator an image."""
    return torch.stack([torch.randn(shape, generator=generator_for(s, "image")) for s in seeds])
