"""Autoencoders and tokenizers of diffusers, by the folder or hub id that holds their weights.

| class         | what an image becomes                                                     |
|---------------|---------------------------------------------------------------------------|
| AutoencoderKL | latents: the mean of the posterior, shifted and scaled as its decoder's   |
|               | diffusion model was trained on them (Stable Diffusion, arXiv 2112.10752)  |
| AutoencoderDC | latents, scaled (Sana, 2410.10629)                                        |
| VQModel       | codes in raster order                                                     |

Stable Diffusion's training draws from the posterior; the mean is drawn once and for all, which a
decoder that is fine-tuned does not notice and one trained from scratch sees as less noise.
"""

import hashlib
from typing import Any

import diffusers
import numpy as np
import torch
from einops import rearrange
from torch import Tensor

from datamodules.whole_models import whole_model

KINDS = ("AutoencoderKL", "AutoencoderDC", "VQModel")


class DiffusersEncoder:
    """The encoder half of a checkpoint.

    OSError or ValueError where it is none of these, ValueError where it lacks tensors.
    """

    def __init__(self, name: str, subfolder: str | None = None, device: str | None = None) -> None:
        about: Any = diffusers.AutoModel.load_config(name, subfolder=subfolder)
        self.kind = about.get("_class_name")
        if self.kind not in KINDS:
            raise ValueError(f"encoder must be one of {', '.join(KINDS)}, got {self.kind}.")
        model = whole_model(getattr(diffusers, self.kind), name, subfolder=subfolder)
        self.label = encoder_label(model)
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.model = model.eval().requires_grad_(False).to(self.device)

    @torch.inference_mode()
    def encode(self, images: np.ndarray) -> np.ndarray:
        """Codes int32 [b, p], or latents float16 [b, c, h, w], of images uint8 [b, h, w, 3]."""
        pixels = rearrange(torch.from_numpy(images), "b h w c -> b c h w")
        pixels = pixels.to(self.device, torch.float32) / 127.5 - 1
        if self.kind == "VQModel":
            return self.codes(pixels).to(torch.int32).cpu().numpy()
        return self.latents(pixels).half().cpu().numpy()

    def codes(self, pixels: Tensor) -> Tensor:
        latents = self.model.encode(pixels).latents
        _, _, (_, _, codes) = self.model.quantize(latents)
        return codes.reshape(len(pixels), -1)

    def latents(self, pixels: Tensor) -> Tensor:
        found = self.model.encode(pixels)
        values = found.latent if self.kind == "AutoencoderDC" else found.latent_dist.mode()
        shift = getattr(self.model.config, "shift_factor", None) or 0.0
        return (values - shift) * self.model.config.scaling_factor


def encoder_label(model: torch.nn.Module) -> str:
    """By what precomputed codes and latents name the network that made them."""
    return f"{type(model).__name__} {weights_hash(model)}"


def weights_hash(model: torch.nn.Module) -> str:
    """What tells two checkpoints apart wherever they lie: SHA-256 over all tensors, shortened."""
    content = hashlib.sha256()
    for name, value in model.state_dict().items():
        content.update(name.encode() + value.float().numpy().tobytes())
    return content.hexdigest()[:16]
