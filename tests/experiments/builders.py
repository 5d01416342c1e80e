"""A tiny cell: a config of all sections, and folders as the steps before it leave them."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch

from datamodules.world import WorldConfig
from experiments.schema import SECTIONS
from models.context import TrunkConfig
from models.image_tokens import ImageTokenizer, ImageTokenizerConfig
from models.shared import SharedConfig

STATED = TrunkConfig(
    depth=3,
    width=24,
    heads=4,
    kv_heads=2,
    feed_forward=40,
    qk_norm="none",
    qkv_bias=True,
    rope_base=300.0,
)
TRUNK = TrunkConfig(depth=2, width=32, heads=2, kv_heads=2, feed_forward=48)


def tiny_config(**sections: Any) -> SimpleNamespace:
    """The control of a small world with 16 tokens an image; `sections` take the place of these."""
    defaults = {name: section() for name, section in SECTIONS.items()}
    small = {
        "world": WorldConfig(classes=4, colours=4),
        "tokenizer": ImageTokenizerConfig(patch=8, levels=(3, 3, 3), width=8),
        "model": SharedConfig(trunk=TRUNK),
        "seed": 0,
    }
    return SimpleNamespace(**{**defaults, **small, **sections})


def cell_folders(config: SimpleNamespace, root: Path, *names: str) -> dict[str, Path]:
    """Empty folders of these names, and `tokenizer` with an untrained one."""
    folders = {name: root / name for name in ("tokenizer", *names)}
    for folder in folders.values():
        folder.mkdir()
    torch.manual_seed(0)
    codec = ImageTokenizer(config.tokenizer).eval()
    codec.save(str(folders["tokenizer"] / "tokenizer.pt"))
    return folders
