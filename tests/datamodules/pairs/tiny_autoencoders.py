"""Tiny checkpoints of diffusers' image encoders."""

from pathlib import Path

import diffusers
import torch


def save(kind: str, folder: Path) -> Path:
    """A tiny checkpoint of a class of diffusers, its weights random."""
    torch.manual_seed(0)
    blocks = {
        "down_block_types": ("DownEncoderBlock2D", "DownEncoderBlock2D"),
        "up_block_types": ("UpDecoderBlock2D", "UpDecoderBlock2D"),
        "block_out_channels": (4, 4),
        "norm_num_groups": 2,
        "latent_channels": 3,
    }
    if kind == "AutoencoderKL":
        model = diffusers.AutoencoderKL(**blocks, scaling_factor=0.5, shift_factor=0.25)
    elif kind == "VQModel":
        model = diffusers.VQModel(**blocks, num_vq_embeddings=7)
    else:
        model = diffusers.AutoencoderDC(
            latent_channels=2,
            attention_head_dim=4,
            encoder_block_types="ResBlock",
            decoder_block_types="ResBlock",
            encoder_block_out_channels=(4, 4),
            decoder_block_out_channels=(4, 4),
            encoder_layers_per_block=(1, 1),
            decoder_layers_per_block=(1, 1),
            encoder_qkv_multiscales=((), ()),
            decoder_qkv_multiscales=((), ()),
            scaling_factor=0.5,
        )
    model.save_pretrained(folder)
    return folder
