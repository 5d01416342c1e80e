"""What the second encoder sees in every training picture that questions are about."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np

from datamodules.features import NO_PICTURE, save_features
from datamodules.world import World
from experiments.artifacts.data import asks_about_picture
from experiments.flops.counter import flop_counter
from experiments.store.markers import write_json
from experiments.store.progress_file import ProgressFile
from models.tokenizers.encoders import EFFICIENTNET, Encoder, feature_map, open_encoder

CHUNK = 512


def features(config: SimpleNamespace, inputs: dict[str, Path], out: Path) -> None:
    """Writes the features, and in `summary.json` the FLOPs that they cost."""
    world, encoder = World(config.world), open_encoder(config.encoder)
    numbers = np.full(config.data.scenes, NO_PICTURE)
    shown = [i for i in range(config.data.scenes) if asks_about_picture(config.data, i)]
    numbers[shown] = np.arange(len(shown))
    seen = feature_map(config.encoder) or EFFICIENTNET
    found = np.empty((len(shown), seen.cells**2, seen.channels), dtype=np.float16)
    progress = ProgressFile(out, len(shown))
    for first in range(0, len(shown), CHUNK):
        images = [world.render(world.scene("train", i)) for i in shown[first : first + CHUNK]]
        found[first : first + CHUNK] = encoder.encode(np.stack(images)).numpy()
        progress.update(first)
    save_features(out, found, numbers)
    example = world.render(world.scene("train", shown[0]))
    flops = len(shown) * picture_flops(encoder, example)
    write_json(out / "summary.json", {"flops": flops, "tokens": 0, "pictures": len(shown)})


def picture_flops(encoder: Encoder, image: np.ndarray) -> int:
    """FLOPs of looking at one picture."""
    with flop_counter() as counter:
        encoder.encode(image[None])
    return counter.get_total_flops()
