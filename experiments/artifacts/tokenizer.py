"""The image tokenizer, fitted to scenes of its own split and measured on held-out ones."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from datamodules.world import World
from experiments.markers import write_json
from experiments.progress_file import ProgressFile
from models.image_tokens import ImageTokenizer, peak_signal_to_noise, train_image_tokenizer

TRAINING_SCENES = 8192
HELD_OUT_SCENES = 2048
SEED = 0
"""One tokenizer serves every seed of a suite: it is part of the data, not of an arm."""


def tokenizer(config: SimpleNamespace, inputs: dict[str, Path], out: Path) -> None:
    """Writes `tokenizer.pt` and `report.json` (PSNR in dB on the split `dev`, codes used)."""
    world = World(config.world)
    if config.tokenizer.pixels != world.config.pixels:
        raise ValueError(
            f"tokenizer.pixels must equal world.pixels={world.config.pixels}, "
            f"got {config.tokenizer.pixels}."
        )
    progress = ProgressFile(out, config.tokenizer.steps)
    images = render(world, "tokenizer", TRAINING_SCENES)
    fitted = train_image_tokenizer(
        config.tokenizer, images, SEED, lambda step, loss: progress.update(step, {"pixels": loss})
    )
    write_json(out / "report.json", measure(fitted, render(world, "dev", HELD_OUT_SCENES)))
    fitted.save(str(out / "tokenizer.pt"))


def render(world: World, split: str, count: int, first: int = 0) -> np.ndarray:
    """uint8 images `[count h w 3]` of scenes `first` onwards."""
    return np.stack([world.render(world.scene(split, first + i)) for i in range(count)])


def measure(fitted: ImageTokenizer, images: np.ndarray) -> dict[str, float]:
    """PSNR, share of codes in use, and the entropy of their use in bits."""
    codes = torch.cat([fitted.encode(part) for part in np.array_split(images, 8)])
    share = torch.bincount(codes.flatten(), minlength=fitted.config.codes).double()
    share = share / share.sum()
    used = share[share > 0]
    return {
        "psnr_db": peak_signal_to_noise(images, fitted.reconstruct(images)),
        "codes": fitted.config.codes,
        "codes_used_share": len(used) / fitted.config.codes,
        "code_entropy_bits": float(-(used * used.log2()).sum()),
        "images": len(images),
    }
