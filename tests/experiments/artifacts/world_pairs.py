"""The world's scenes as a user's own pictures with texts."""

from collections.abc import Callable
from pathlib import Path

import webdataset

from datamodules.world import World, WorldConfig
from experiments.artifacts.data import turns
from models.text_tokens import TextTokens

WORLD = World(WorldConfig())
WORDS = TextTokens(WORLD.vocabulary)


def talk(index: int, scene) -> list[dict[str, str]]:
    asked = turns(WORLD.questions("train", index, scene, 2))
    said = [part for turn in asked for part in turn]
    return [{"from": ("human", "gpt")[n % 2], "value": value} for n, value in enumerate(said)]


def write_shard(path: Path, count: int, caption: Callable[[int, str], str]) -> Path:
    """Scenes of the world as a user would have them: tar shards of pictures with texts."""
    with webdataset.TarWriter(str(path)) as writer:
        for index in range(count):
            scene = WORLD.scene("train", index)
            told = caption(index, WORLD.caption("train", index, scene))
            about = {"caption": told, "conversations": talk(index, scene)}
            one = {"__key__": f"{index:04d}", "png": WORLD.render(scene), "json": about}
            writer.write(one)
    return path
