"""Tiny vision towers with random weights, saved as the published ones are."""

from pathlib import Path

import torch
from transformers import (
    CLIPVisionConfig,
    CLIPVisionModel,
    Dinov2Config,
    Dinov2Model,
    SiglipConfig,
    SiglipModel,
    SiglipVisionConfig,
    SiglipVisionModel,
)

SIZES = {
    "hidden_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 16,
    "patch_size": 4,
}
WIDE = {**SIZES, "intermediate_size": 32}


def siglip(folder: Path) -> torch.nn.Module:
    model = SiglipVisionModel(SiglipVisionConfig(**WIDE)).eval()
    model.save_pretrained(folder)
    return model


def whole_siglip(folder: Path) -> torch.nn.Module:
    """Both towers of one checkpoint."""
    text = {"vocab_size": 20, "hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 1}
    config = SiglipConfig(text_config={**text, "num_attention_heads": 2}, vision_config=WIDE)
    model = SiglipModel(config).eval()
    model.save_pretrained(folder)
    return model.vision_model


def clip(folder: Path) -> torch.nn.Module:
    model = CLIPVisionModel(CLIPVisionConfig(**WIDE)).eval()
    model.save_pretrained(folder)
    return model


def dino(folder: Path) -> torch.nn.Module:
    model = Dinov2Model(Dinov2Config(**SIZES, mlp_ratio=1)).eval()
    model.save_pretrained(folder)
    return model
