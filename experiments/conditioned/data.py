"""The training set in tokens, a share of whose prompts for drawing hold pictures."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from benchmarks.images import batched
from datamodules.sequences import SequenceStore
from datamodules.world import World
from datamodules.world.examples import ExamplePrompter
from datamodules.world.picture_prompts import PicturePrompt, PicturePrompter
from experiments.artifacts.data import CHUNK, lot, save, training_data
from experiments.language.words import text_tokens
from models.batch import Packed
from models.image_prompts import pack_image_prompt
from models.text_tokens import TextTokens
from models.tokenizers.codec import Codec, image_ids
from models.tokenizers.kinds import load_codec

GENERATE = "generate"


def conditioned_data(config: SimpleNamespace, inputs: dict[str, Path], out: Path) -> None:
    """Writes what `training_data` writes, then exchanges a share of the store `generate`."""
    world, codec = World(config.world), load_codec(inputs["tokenizer"])
    if codec.is_continuous:
        raise ValueError(
            f"tokenizer.kind must give codes where conditioned.prompts={config.conditioned.prompts}"
            f", got {config.tokenizer.kind}."
        )
    training_data(config, inputs, out)
    words = text_tokens(config)
    rows = read_rows(out, GENERATE)
    chosen = [index for index in range(len(rows)) if lot(index) < config.conditioned.share]
    prompts = training_prompts(world, config.conditioned.prompts, chosen)
    for pairs in batched(zip(chosen, prompts, strict=True), CHUNK):
        found = packed(world, words, codec, [prompt for _, prompt in pairs])
        for (index, _), row in zip(pairs, found, strict=True):
            rows[index] = row
    save(out, GENERATE, rows)


def read_rows(folder: Path, name: str) -> list[Packed]:
    """All sequences of a store, in memory, so that its files may be written anew."""
    store = SequenceStore.load(folder, name)
    rows = (store.row(index) for index in range(len(store)))
    return [Packed(tokens.tolist(), predicted.tolist()) for tokens, predicted in rows]


def training_prompts(world: World, kind: str, indices: Iterable[int]) -> Iterator[PicturePrompt]:
    """The prompts of these numbers."""
    prompter = {"pictures": PicturePrompter, "examples": ExamplePrompter}[kind](world)
    return (prompter.sample("train", index) for index in indices)


def packed(
    world: World, words: TextTokens, codec: Codec, prompts: Sequence[PicturePrompt]
) -> Iterator[Packed]:
    """A sequence a prompt: its text and pictures, and the picture it asks for."""
    scenes = [scene for one in prompts for scene in (*one.pictures, one.target)]
    codes = iter(image_ids(codec, np.stack([world.render(scene) for scene in scenes])))
    for one in prompts:
        pictures = [next(codes) for _ in one.pictures]
        yield pack_image_prompt(words, one.seen, pictures, next(codes))
