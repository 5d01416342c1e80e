"""The second encoder: vision towers of transformers."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from models.tokenizers.codec import FeatureMap
from models.tokenizers.encoders import EncoderConfig, feature_map, open_encoder
from tests.models.tokenizers.towers import clip, dino, siglip, whole_siglip

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3)).astype(np.uint8)


@pytest.mark.parametrize("save", [siglip, whole_siglip, clip, dino])
def test_features_are_the_towers_patches_averaged_to_cells(
    save: Callable[[Path], torch.nn.Module], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    tower = save(tmp_path)
    config = EncoderConfig(kind="vision_tower", path=str(tmp_path), cells=2)
    assert feature_map(config) == FeatureMap(2, 24)
    found = open_encoder(config).encode(IMAGES)
    assert found.shape == (3, 4, 24)
    assert found.dtype == torch.float16
    pixels = torch.from_numpy(IMAGES).permute(0, 3, 1, 2).float() / 127.5 - 1
    with torch.no_grad():
        patches = tower(pixel_values=pixels).last_hidden_state[:, -16:].view(3, 4, 4, 24)
    wanted = patches.view(3, 2, 2, 2, 2, 24).mean((2, 4)).flatten(1, 2)
    torch.testing.assert_close(found.float(), wanted, atol=2e-3, rtol=2e-3)


def test_the_processor_beside_the_tower_scales_the_pixels(tmp_path: Path) -> None:
    tower = siglip(tmp_path)
    said = {"image_mean": [0.2] * 3, "image_std": [0.4] * 3}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(said))
    config = EncoderConfig(kind="vision_tower", path=str(tmp_path))
    pixels = (torch.from_numpy(IMAGES).permute(0, 3, 1, 2) / 255 - 0.2) / 0.4
    with torch.no_grad():
        wanted = tower(pixel_values=pixels).last_hidden_state
    found = open_encoder(config).encode(IMAGES).float()
    torch.testing.assert_close(found, wanted, atol=2e-3, rtol=2e-3)


def test_a_tower_with_fewer_patches_than_cells_is_refused(tmp_path: Path) -> None:
    siglip(tmp_path)
    config = EncoderConfig(kind="vision_tower", path=str(tmp_path), cells=5)
    with pytest.raises(ValueError, match=r"encoder\.cells must be at most the 4 patches"):
        open_encoder(config)


def test_a_tower_that_lacks_tensors_is_refused_and_they_are_named(tmp_path: Path) -> None:
    siglip(tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    lost = next(name for name in tensors if name.endswith("layers.0.mlp.fc1.bias"))
    del tensors[lost]
    save_file(tensors, path, {"format": "pt"})
    with pytest.raises(
        ValueError, match=r"all weights of \w+, got missing .*layers\.0\.mlp\.fc1\.bias"
    ):
        open_encoder(EncoderConfig(kind="vision_tower", path=str(tmp_path)))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "siglip"}, r"encoder\.kind must be one of .*, got 'siglip'"),
        ({"kind": "vision_tower"}, r"encoder\.path must name a folder .*, got ''"),
        ({"path": "x"}, r"encoder\.path must be empty where encoder\.kind is none, got 'x'"),
        ({"cells": 3}, r"encoder\.cells must stay 4 where encoder\.kind is none, got 3"),
        (
            {"kind": "vision_tower", "path": "x", "cells": 0},
            r"encoder\.cells must be at least 1 where .* vision_tower, got 0",
        ),
    ],
)
def test_a_kind_and_its_path_belong_together(fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EncoderConfig(**fields)


def test_a_checkpoint_without_a_tower_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    config = EncoderConfig(kind="vision_tower", path=str(tmp_path))
    with pytest.raises(ValueError, match=r"must hold a vision tower with a whole image_size"):
        feature_map(config)
