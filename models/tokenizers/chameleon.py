"""Chameleon's image tokenizer (arXiv 2405.09818): a VQGAN, which transformers has without decoder.

Its tensors are renamed for diffusers' VQModel, which has both halves. The released checkpoint
leaves the decoder out; others, such as Anole's (arXiv 2407.06135), hold it. Without one images are
understood, and whoever asks `decode` is told so.
"""

import json
from pathlib import Path
from typing import Any

from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint
from diffusers.models.autoencoders.vq_model import VQModel
from jaxtyping import Float, Int
from safetensors.torch import save_file
from torch import Tensor
from transformers import ChameleonVQVAEConfig

from models.tokenizers.checkpoint import fill, read_settings, read_tensors
from models.tokenizers.pixel_scale import read_scale
from models.tokenizers.vqmodel import VQModelCodec

VECTORS, DECODER = "quantize.embedding.weight", "decoder."


class ChameleonCodec(VQModelCodec):
    kind = "chameleon"
    settings: dict[str, Any]
    tensors: dict[str, Tensor]

    @classmethod
    def open(cls, folder: Path) -> "ChameleonCodec":
        """As of any checkpoint; ValueError also for attention outside the middle of the network."""
        settings, tensors = read_settings(folder), read_tensors(folder)
        sizes = vqgan_sizes(ChameleonVQVAEConfig.from_dict(settings))
        network = VQModel(**sizes)
        named = convert_ldm_vae_checkpoint(tensors, sizes) | {
            name: tensors[name] for name in (VECTORS,) if name in tensors
        }
        if not any(name.startswith(DECODER) for name in tensors):
            named |= {n: v for n, v in network.state_dict().items() if n.startswith(DECODER)}
        fill(network, named, folder)
        patch = 2 ** (len(sizes["block_out_channels"]) - 1)
        codec = cls(network, network.quantize.embedding.weight, patch, read_scale(folder))
        codec.settings, codec.tensors = settings, tensors
        return codec

    def restore(self, squares: Int[Tensor, "b y x"]) -> Float[Tensor, "b 3 h w"]:
        """As any VQModel; ValueError where the checkpoint has no decoder."""
        if not any(name.startswith(DECODER) for name in self.tensors):
            raise ValueError(
                "tokenizer.path must hold a decoder where images are drawn or restored, got "
                "tokenizer.kind=chameleon without one."
            )
        return super().restore(squares)

    def save_network(self, folder: Path) -> None:
        """In the form that it was read from, with or without a decoder."""
        folder.mkdir(exist_ok=True)
        (folder / "config.json").write_text(json.dumps(self.settings))
        contiguous = {name: value.contiguous() for name, value in self.tensors.items()}
        save_file(contiguous, folder / "model.safetensors", {"format": "pt"})


def vqgan_sizes(config: ChameleonVQVAEConfig) -> dict[str, Any]:
    """The same network in diffusers' words."""
    if config.attn_resolutions or config.double_latent:
        raise ValueError(
            "tokenizer.path must hold a VQGAN with attention in its middle alone and single "
            f"latents, got attn_resolutions={config.attn_resolutions} and "
            f"double_latent={config.double_latent}."
        )
    channels = [config.base_channels * factor for factor in config.channel_multiplier]
    return {
        "block_out_channels": channels,
        "down_block_types": ["DownEncoderBlock2D"] * len(channels),
        "up_block_types": ["UpDecoderBlock2D"] * len(channels),
        "layers_per_block": config.num_res_blocks,
        "latent_channels": config.latent_channels,
        "vq_embed_dim": config.embed_dim,
        "num_vq_embeddings": config.num_embeddings,
        "mid_block_add_attention": config.attn_type == "vanilla",
    }
