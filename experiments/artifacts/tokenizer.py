"""The image tokenizer, fitted to scenes of its own split or read from a checkpoint, measured."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from datamodules.world import World
from experiments.precision import multiplies_bf16
from experiments.store.markers import write_json
from experiments.store.progress_file import ProgressFile
from models.image_tokens import peak_signal_to_noise, train_image_tokenizer
from models.tokenizers.codec import Codec
from models.tokenizers.kinds import fitted_class, new_codec, save_codec

TRAINING_SCENES = 8192
HELD_OUT_SCENES = 2048
SEED = 0
"""One tokenizer serves every seed of a suite: it is part of the data, not of an arm."""


def tokenizer(config: SimpleNamespace, inputs: dict[str, Path], out: Path) -> None:
    """Writes the tokenizer and `report.json` (PSNR in dB on the split `dev`, codes used)."""
    world = World(config.world)
    if config.tokenizer.pixels != world.config.pixels:
        raise ValueError(
            f"tokenizer.pixels must equal world.pixels={world.config.pixels}, "
            f"got {config.tokenizer.pixels}."
        )
    wanted = config.tokenizer
    codec = fitted(config, world, out) if wanted.is_fitted else new_codec(wanted)
    write_json(out / "report.json", measure(codec, render(world, "dev", HELD_OUT_SCENES)))
    save_codec(codec, out)


def fitted(config: SimpleNamespace, world: World, out: Path) -> Codec:
    """A tokenizer trained on scenes of the split `tokenizer`."""
    progress = ProgressFile(out, config.tokenizer.steps)
    return train_image_tokenizer(
        config.tokenizer,
        render(world, "tokenizer", TRAINING_SCENES),
        SEED,
        lambda step, loss: progress.update(step, {"pixels": loss}),
        fitted_class(config.tokenizer.kind),
        multiplies_bf16(),
    )


def render(world: World, split: str, count: int) -> np.ndarray:
    """uint8 images `[count h w 3]` of the first scenes of a split."""
    return np.stack([world.render(world.scene(split, index)) for index in range(count)])


def measure(codec: Codec, images: np.ndarray) -> dict[str, float]:
    """PSNR, share of codes in use, and the entropy of their use in bits; PSNR alone of latents."""
    found = {"psnr_db": peak_signal_to_noise(images, codec.reconstruct(images))}
    if codec.is_continuous:
        return {**found, "images": len(images)}
    codes = torch.cat([codec.encode(part) for part in np.array_split(images, 8)])
    counts = codes.unique(return_counts=True)[1].double()
    used, known = counts / counts.sum(), codec.config.codes**codec.depths
    return {
        **found,
        "codes": known,
        "codes_used_share": len(used) / known,
        "code_entropy_bits": float(-(used * used.log2()).sum()),
        "images": len(images),
    }
