"""Readers and decoders as shapes without memory, for the plan on paper.

The shapes of MetaQuery's parts stand here, from the checkpoints' own configs, so that a plan needs
no download; any other part is asked by folder or hub id.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import diffusers
import torch
from diffusers.pipelines.pipeline_utils import DiffusionPipeline
from torch import nn
from transformers import AutoConfig, LlavaOnevisionConfig, Qwen2_5_VLConfig

from models.bridging.decoder_pipeline import KINDS
from models.bridging.frozen_reader import reader_class


def qwen2_5_vl(tied: bool, sight: int, **text: int) -> Qwen2_5_VLConfig:
    """Qwen2.5-VL (arXiv 2502.13923); `sight` is what its vision tower hands over."""
    vision = {"hidden_size": 1280, "intermediate_size": 3420, "out_hidden_size": sight}
    return Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=tied)


READERS = {
    "llava-hf/llava-onevision-qwen2-0.5b-ov-hf": lambda: LlavaOnevisionConfig(
        text_config={
            "model_type": "qwen2",
            "vocab_size": 152_000,
            "hidden_size": 896,
            "intermediate_size": 4864,
            "num_hidden_layers": 24,
            "num_attention_heads": 14,
            "num_key_value_heads": 2,
        },
        vision_config={
            "model_type": "siglip_vision_model",
            "hidden_size": 1152,
            "intermediate_size": 4304,
            "num_hidden_layers": 26,
            "num_attention_heads": 16,
            "image_size": 384,
            "patch_size": 14,
            "vision_use_head": False,
        },
        tie_word_embeddings=True,
    ),
    "Qwen/Qwen2.5-VL-3B-Instruct": lambda: qwen2_5_vl(
        True,
        2048,
        vocab_size=151_936,
        hidden_size=2048,
        intermediate_size=11_008,
        num_hidden_layers=36,
        num_attention_heads=16,
        num_key_value_heads=2,
    ),
    "Qwen/Qwen2.5-VL-7B-Instruct": lambda: qwen2_5_vl(
        False,
        3584,
        vocab_size=152_064,
        hidden_size=3584,
        intermediate_size=18_944,
        num_hidden_layers=28,
        num_attention_heads=28,
        num_key_value_heads=4,
    ),
}
DEEP_COMPRESSION = {
    "encoder_block_types": ["ResBlock"] * 3 + ["EfficientViTBlock"] * 3,
    "decoder_block_types": ["ResBlock"] * 3 + ["EfficientViTBlock"] * 3,
    "upsample_block_type": "interpolate",
    "downsample_block_type": "conv",
    "scaling_factor": 0.41407,
}
"""Sana's autoencoder, 32 pixels a side to a latent (DC-AE, arXiv 2410.10733)."""
SANA = {"caption_channels": 2304, "sample_size": 16}
DECODERS = {
    "Efficient-Large-Model/Sana_600M_512px_diffusers": {
        **SANA,
        "num_layers": 28,
        "num_attention_heads": 36,
        "num_cross_attention_heads": 16,
        "cross_attention_head_dim": 72,
        "cross_attention_dim": 1152,
    },
    "Efficient-Large-Model/Sana_1600M_512px_diffusers": SANA,
}
"""Sana (arXiv 2410.10629) at 512 pixels; the larger has the sizes that diffusers starts from."""


@dataclass(frozen=True)
class Shapes:
    """A reader, a denoiser and an autoencoder without memory; `latent` is one image's shape."""

    reader: Any
    denoiser: Any
    autoencoder: Any
    latent: tuple[int, int, int]
    condition_width: int
    pixels: int


def shapes_of(reader: str, decoder: str) -> Shapes:
    """The parts that these names mean. Raises OSError where neither we nor a folder know one."""
    denoiser, code = decoder_shapes(decoder)
    about = denoiser.config
    side: int = about["sample_size"]
    blocks = getattr(code.config, "encoder_block_out_channels", None)
    levels = len(blocks or code.config["block_out_channels"]) - 1
    return Shapes(
        reader=reader_shape(reader),
        denoiser=denoiser,
        autoencoder=code,
        latent=(about["in_channels"], side, side),
        condition_width=about.get("caption_channels") or about["cross_attention_dim"],
        pixels=side * 2**levels,
    )


def reader_shape(name: str) -> Any:
    config: Any = READERS[name]() if name in READERS else AutoConfig.from_pretrained(name)
    with torch.device("meta"):
        return reader_class(config).from_config(config)


def decoder_shapes(name: str) -> tuple[nn.Module, nn.Module]:
    """The denoiser and the autoencoder of a pipeline."""
    if name in DECODERS:
        with torch.device("meta"):
            denoiser = diffusers.SanaTransformer2DModel(**DECODERS[name])
            return denoiser, diffusers.AutoencoderDC(**DEEP_COMPRESSION)
    parts: Any = DiffusionPipeline.load_config(name)
    wanted = (KINDS[parts["_class_name"]].part, "vae")
    denoiser, code = (part_shape(name, part, parts[part]) for part in wanted)
    return denoiser, code


def part_shape(name: str, part: str, entry: Any) -> nn.Module:
    kind: Any = getattr(diffusers, entry[1])
    config: Mapping[str, Any] = kind.load_config(name, subfolder=part)
    with torch.device("meta"):
        return kind.from_config(config)
