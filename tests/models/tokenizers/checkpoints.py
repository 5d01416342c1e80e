"""Tiny tokenizers with random weights, saved as the real ones are: alone, or in a whole model."""

from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderDC, AutoencoderKL, AutoencoderTiny, VQModel
from safetensors.torch import load_file, save_file
from transformers import (
    ChameleonConfig,
    ChameleonForConditionalGeneration,
    Emu3VQVAE,
    Emu3VQVAEConfig,
    JanusVQVAE,
    JanusVQVAEConfig,
)

SIDE = 32
"""Pixels along an image's side; every tokenizer here covers 8 of them by a token."""
LEVELS = 4
SMALL: dict[str, Any] = {
    "base_channels": 32,
    "num_res_blocks": 1,
    "channel_multiplier": [1] * LEVELS,
}


def janus_network() -> JanusVQVAE:
    """It decodes 4 x 4 codes by itself."""
    torch.manual_seed(0)
    sizes = {"embed_dim": 4, "num_embeddings": 12, "latent_channels": 8, "num_patches": 4}
    return JanusVQVAE(JanusVQVAEConfig(**SMALL, **sizes)).eval()


def emu3_network() -> Emu3VQVAE:
    torch.manual_seed(0)
    sizes = {"codebook_size": 10, "embed_dim": 4, "hidden_size": 32, "attn_resolutions": []}
    return Emu3VQVAE(Emu3VQVAEConfig(**SMALL, **sizes)).eval()


def vqmodel_network() -> VQModel:
    torch.manual_seed(0)
    return VQModel(
        block_out_channels=(4, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * LEVELS,
        up_block_types=("UpDecoderBlock2D",) * LEVELS,
        norm_num_groups=2,
        num_vq_embeddings=14,
    ).eval()


def chameleon_model() -> ChameleonForConditionalGeneration:
    """The whole model, as the released checkpoint has it: without a decoder of images."""
    torch.manual_seed(0)
    config = ChameleonConfig(
        vocab_size=40,
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        vq_config={**SMALL, **VQ},
        vocabulary_map={"<image>": 0, **{f"IMGIMG{letter}Z": 4 + n for n, letter in LETTERS}},
    )
    return ChameleonForConditionalGeneration(config).eval()


VQ = {"embed_dim": 4, "num_embeddings": 9, "latent_channels": 8}
LETTERS = tuple(enumerate("ABCDEFGHI"))


def save_chameleon(folder: Path, with_decoder: bool = True) -> Path:
    """The whole model; its decoder is the encoder's tensors, mirrored, as the VQGAN names them."""
    chameleon_model().save_pretrained(folder)
    if with_decoder:
        path = folder / "model.safetensors"
        tensors = load_file(path)
        prefix = "model.vqmodel."
        assert f"{prefix}quantize.embedding.weight" in tensors
        save_file(tensors | decoder_tensors(prefix + "decoder."), path, {"format": "pt"})
    return folder


def decoder_tensors(prefix: str) -> dict[str, torch.Tensor]:
    """Random tensors of a VQGAN's decoder with levels of 32 channels."""
    torch.manual_seed(1)
    shapes = {"conv_in": (32, 8, 3, 3), "conv_out": (3, 32, 3, 3), "norm_out": (32,)}
    levels = [f"up.{level}.block.{block}" for level in range(LEVELS) for block in (0, 1)]
    blocks = ["mid.block_1", "mid.block_2", *levels]
    for block in blocks:
        for number in "12":
            shapes[f"{block}.norm{number}"] = (32,)
            shapes[f"{block}.conv{number}"] = (32, 32, 3, 3)
    for level in range(1, LEVELS):
        shapes[f"up.{level}.upsample.conv"] = (32, 32, 3, 3)
    shapes["mid.attn_1.norm"] = (32,)
    for part in ("q", "k", "v", "proj_out"):
        shapes[f"mid.attn_1.{part}"] = (32, 32, 1, 1)
    tensors = {}
    for name, shape in shapes.items():
        tensors[f"{prefix}{name}.weight"] = torch.randn(shape) * 0.1
        tensors[f"{prefix}{name}.bias"] = torch.zeros(shape[0])
    return tensors


def autoencoder_network() -> AutoencoderKL:
    """Latents of three channels."""
    torch.manual_seed(0)
    return AutoencoderKL(
        block_out_channels=(4, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * LEVELS,
        up_block_types=("UpDecoderBlock2D",) * LEVELS,
        norm_num_groups=2,
        latent_channels=3,
        scaling_factor=0.5,
        shift_factor=0.25,
    ).eval()


def deep_autoencoder_network() -> AutoencoderDC:
    """The form of Sana's: latents of four channels."""
    torch.manual_seed(0)
    return AutoencoderDC(
        latent_channels=4,
        attention_head_dim=2,
        encoder_block_types="ResBlock",
        decoder_block_types="ResBlock",
        encoder_block_out_channels=(8,) * LEVELS,
        decoder_block_out_channels=(8,) * LEVELS,
        encoder_layers_per_block=(1,) * LEVELS,
        decoder_layers_per_block=(1,) * LEVELS,
        encoder_qkv_multiscales=((),) * LEVELS,
        decoder_qkv_multiscales=((),) * LEVELS,
        scaling_factor=0.41,
    ).eval()


def tiny_autoencoder_network() -> AutoencoderTiny:
    """The distilled form: latents of three channels."""
    torch.manual_seed(0)
    return AutoencoderTiny(
        encoder_block_out_channels=(8,) * LEVELS,
        decoder_block_out_channels=(8,) * LEVELS,
        num_encoder_blocks=(1,) * LEVELS,
        num_decoder_blocks=(1,) * LEVELS,
        latent_channels=3,
    ).eval()
