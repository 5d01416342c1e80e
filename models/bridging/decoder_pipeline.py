"""A pipeline of diffusers as the bridge's decoder: conditions stand where its text stood.

    conditions ──▶ [ transformer (Sana) or U-Net (Stable Diffusion) ] ◀── noised latents
                                 │ flow, noise or velocity
                   [ autoencoder, always frozen ] ──▶ pixels

The pipeline's own loop and scheduler draw, so that what is saved draws the same in diffusers alone
from `prompt_embeds`. Text encoder and safety checker are not loaded and not saved.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import diffusers
import torch
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from jaxtyping import Float
from torch import Tensor, nn

from models.bridging.decoder_objectives import objective_of
from models.flow_matching import latent_noise
from models.whole_models import whole_model

ABSENT = ("text_encoder", "tokenizer", "safety_checker", "feature_extractor", "image_encoder")


class PipelineDecoder(nn.Module, ABC):
    """A pipeline's denoiser, tuned or frozen, beside its autoencoder.

    `part` is the denoiser's name in the pipeline; `condition_scale` is what the connector's last
    norm starts with, as MetaQuery has it.
    """

    part: ClassVar[str]
    condition_scale: ClassVar[float] = 1.0

    def __init__(self, pipeline: Any, tuned: bool) -> None:
        super().__init__()
        self.pipeline, self.tuned = pipeline, tuned
        pipeline.set_progress_bar_config(disable=True)
        self.denoiser: Any = getattr(pipeline, self.part).requires_grad_(tuned)
        self.autoencoder: Any = pipeline.vae.requires_grad_(False).eval()
        self.objective = objective_of(pipeline.scheduler)

    def train(self, mode: bool = True) -> "PipelineDecoder":
        super().train(mode)
        self.autoencoder.eval()
        self.denoiser.train(mode and self.tuned)
        return self

    @property
    @abstractmethod
    def condition_width(self) -> int:
        """The width of a condition."""

    @abstractmethod
    def estimate(
        self,
        latents: Float[Tensor, "b l y x"],
        timesteps: Tensor,
        conditions: Float[Tensor, "b q w"],
    ) -> Float[Tensor, "b l y x"]:
        """What the denoiser makes of noised latents."""

    @abstractmethod
    def drawing_settings(self, conditions: Tensor, free: Tensor | None) -> dict[str, Any]:
        """The pipeline's arguments for conditions and, where they guide, unprompted ones."""

    @abstractmethod
    def encode(self, pixels: Float[Tensor, "b 3 height width"]) -> Float[Tensor, "b l y x"]:
        """Latents of pixels in [-1, 1], scaled as the denoiser knows them."""

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        config = self.denoiser.config
        return (config.in_channels, config.sample_size, config.sample_size)

    def loss(
        self,
        clean: Float[Tensor, "b l y x"],
        conditions: Float[Tensor, "b q w"],
        generator: torch.Generator,
    ) -> Float[Tensor, ""]:
        """Squared error of the estimate at one noise level an image."""
        noised = self.objective.noised(clean, generator)
        dtype = self.denoiser.dtype
        found = self.estimate(noised.latents.to(dtype), noised.timesteps, conditions.to(dtype))
        return nn.functional.mse_loss(found.float(), noised.target.float())

    @torch.no_grad()
    def draw(
        self,
        conditions: Float[Tensor, "b q w"],
        seeds: Sequence[int],
        steps: int,
        guidance: float = 1.0,
        free: Float[Tensor, "b q w"] | None = None,
    ) -> Float[Tensor, "b 3 height width"]:
        """Pixels in [0, 1], image i from the noise of seed i; `free` guides where guidance > 1."""
        if guidance > 1 and free is None:
            raise ValueError(f"guidance above 1 must have unprompted conditions, got {guidance}.")
        conditions = conditions.to(self.denoiser.dtype)
        return self.pipeline(
            **self.drawing_settings(conditions, free if guidance > 1 else None),
            latents=self.noise(seeds, conditions),
            num_inference_steps=steps,
            guidance_scale=guidance,
            output_type="pt",
        ).images

    def noise(self, seeds: Sequence[int], like: Tensor) -> Float[Tensor, "b l y x"]:
        """What images of these seeds start from, on the device and in the precision of `like`."""
        return latent_noise(list(seeds), self.latent_shape).to(like)

    def save(self, folder: Path) -> None:
        """Writes the pipeline as diffusers loads it."""
        self.pipeline.save_pretrained(folder)


class StableDiffusionDecoder(PipelineDecoder):
    """The U-Net and the variational autoencoder of Stable Diffusion 1.5."""

    part = "unet"

    @property
    def condition_width(self) -> int:
        return self.denoiser.config.cross_attention_dim

    def estimate(self, latents: Tensor, timesteps: Tensor, conditions: Tensor) -> Tensor:
        return self.denoiser(latents, timesteps, encoder_hidden_states=conditions).sample

    def drawing_settings(self, conditions: Tensor, free: Tensor | None) -> dict[str, Any]:
        return {"prompt_embeds": conditions, "negative_prompt_embeds": free}

    @torch.no_grad()
    def encode(self, pixels: Tensor) -> Tensor:
        code = self.autoencoder
        return code.encode(pixels.to(code.dtype)).latent_dist.mode() * code.config.scaling_factor


class SanaDecoder(PipelineDecoder):
    """The linear-attention transformer and the deep-compression autoencoder of Sana."""

    part = "transformer"
    condition_scale = 5.5**0.5

    @property
    def condition_width(self) -> int:
        return self.denoiser.config.caption_channels

    def estimate(self, latents: Tensor, timesteps: Tensor, conditions: Tensor) -> Tensor:
        scaled = timesteps * self.denoiser.config.timestep_scale
        return self.denoiser(latents, encoder_hidden_states=conditions, timestep=scaled).sample

    def drawing_settings(self, conditions: Tensor, free: Tensor | None) -> dict[str, Any]:
        side = self.latent_shape[1] * self.pipeline.vae_scale_factor
        seen = torch.ones(conditions.shape[:2], dtype=torch.long, device=conditions.device)
        return {
            "prompt_embeds": conditions,
            "prompt_attention_mask": seen,
            "negative_prompt": None,
            "negative_prompt_embeds": free,
            "negative_prompt_attention_mask": None if free is None else seen,
            "height": side,
            "width": side,
            "use_resolution_binning": False,
        }

    @torch.no_grad()
    def encode(self, pixels: Tensor) -> Tensor:
        code = self.autoencoder
        return code.encode(pixels.to(code.dtype)).latent * code.config.scaling_factor


KINDS: dict[str, type[PipelineDecoder]] = {
    "StableDiffusionPipeline": StableDiffusionDecoder,
    "SanaPipeline": SanaDecoder,
}


def open_decoder(
    name: str | Path, tuned: bool, dtype: torch.dtype = torch.float32
) -> PipelineDecoder:
    """The decoder of a pipeline's folder or hub id.

    Raises OSError if there is none, ValueError for a pipeline of another kind and for weights that
    are missing, extra or misshapen, all of them named.
    """
    parts: Any = DiffusionPipeline.load_config(name)
    kind = KINDS.get(parts["_class_name"])
    if kind is None:
        raise ValueError(
            f"a decoder must be one of {', '.join(KINDS)}, got {parts['_class_name']} in {name}."
        )
    absent: dict[str, Any] = {part: None for part in ABSENT if part in parts}
    models = {
        part: whole_model(
            getattr(diffusers, parts[part][1]),
            name,
            exact=True,
            subfolder=part,
            dtype=dtype,
            low_cpu_mem_usage=False,
        )
        for part in (kind.part, "vae")
    }
    pipeline = DiffusionPipeline.from_pretrained(name, **models, **absent)
    return kind(pipeline, tuned)
