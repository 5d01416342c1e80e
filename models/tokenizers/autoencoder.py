"""Any image autoencoder of diffusers: continuous latents, which a diffusion decoder draws.

    image ─▶ [ encoder ] ─▶ latents [l y x], shifted and scaled as the network's config says ─▶ …

There are no codes: an image's positions hold one placeholder, so such images are understood by a
second encoder (`encoder.kind`) and drawn by the bridge alone. With SigLIP and Sana's autoencoder it
is MetaQuery's form (arXiv 2504.06256).
"""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_dc import AutoencoderDC
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from einops import rearrange
from jaxtyping import Float
from torch import Tensor

from models.tokenizers.codec import chunks
from models.tokenizers.diffusers_part import open_part
from models.tokenizers.pixel_scale import PixelScale
from models.tokenizers.pretrained import PretrainedCodec

KNOWN = (AutoencoderKL, AutoencoderDC, AutoencoderTiny)
PROBE = 64
"""Pixels along the side of a blank image that tells how many pixels a latent covers."""


class AutoencoderCodec(PretrainedCodec):
    kind = "autoencoder"
    is_continuous = True

    @classmethod
    def open(cls, folder: Path) -> "AutoencoderCodec":
        network = open_part(folder, *KNOWN).float().eval()
        with torch.no_grad():
            blank = latents_of(network, torch.zeros(1, 3, PROBE, PROBE))
        placeholder = torch.zeros(1, blank.shape[1])
        return cls(network, placeholder, PROBE // blank.shape[-1], PixelScale())

    @torch.no_grad()
    def encode(self, images: np.ndarray) -> Float[Tensor, "b p l"]:
        """Latents in raster order of uint8 images `[b h w 3]`, at about unit variance."""
        self.check(images)
        parts = [latents_of(self.network, self.scale.scaled(part)) for part in chunks(images)]
        shift, scale = shift_and_scale(self.network)
        return rearrange((torch.cat(parts) - shift) * scale, "b l y x -> b (y x) l")

    def restore(self, squares: Float[Tensor, "b y x l"]) -> Float[Tensor, "b 3 h w"]:
        shift, scale = shift_and_scale(self.network)
        latents = rearrange(squares.float(), "b y x l -> b l y x")
        return self.network.decode(latents / scale + shift).sample

    def latents(self) -> Float[Tensor, "v l"]:
        """The placeholder's: zeros."""
        return self.table

    def nearest(self, latents: Float[Tensor, "b p l"]) -> Float[Tensor, "b p l"]:
        """Themselves."""
        return latents


def latents_of(network: Any, pixels: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b l y x"]:
    """What the encoder gives; of a distribution, its mode."""
    found = network.encode(pixels)
    if hasattr(found, "latent_dist"):
        return found.latent_dist.mode()
    return found.latents if hasattr(found, "latents") else found.latent


def shift_and_scale(network: Any) -> tuple[float, float]:
    """By which latents come to about unit variance: 0 and 1 where the config says nothing."""
    settings = network.config
    return settings.get("shift_factor") or 0.0, settings.get("scaling_factor") or 1.0
