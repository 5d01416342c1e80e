"""The training set in tokens: pictures with captions, pictures with questions, facts, and texts."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from datamodules.features import LATENTS, save_features
from datamodules.sequences import DataConfig, SequenceStore
from datamodules.world import Question, World
from datamodules.world.counterfactual import CounterfactualWorld
from experiments.language.words import text_tokens
from experiments.store.markers import write_json
from experiments.store.progress_file import ProgressFile
from models.batch import Packed, pack_comprehension, pack_generate, pack_text, pack_understand
from models.text_tokens import TextTokens
from models.tokenizers.codec import Codec, image_ids
from models.tokenizers.kinds import load_codec

CHUNK = 512
Turns = list[tuple[str, str]]
"""Questions with answers."""


def training_data(config: SimpleNamespace, inputs: dict[str, Path], out: Path) -> None:
    """Writes the stores `understand` and `generate`: one sequence a scene and task each."""
    world, data = taught_world(config), config.data
    words = text_tokens(config)
    codec = load_codec(inputs["tokenizer"])
    progress = ProgressFile(out, data.scenes)
    understand: list[Packed] = []
    generate: list[Packed] = []
    for index, codes in coded_scenes(world, codec, data.scenes):
        scene = world.scene("train", index)
        generate.append(pack_generate(words, world.caption("train", index, scene), codes))
        understand.append(taught(world, words, data, source_of(data, index), index, codes))
        progress.update(index)
    save(out, "understand", understand)
    save(out, "generate", generate)
    if codec.is_continuous:
        save_latents(world, codec, data.scenes, out / LATENTS)


def taught_world(config: SimpleNamespace) -> World:
    """The world as training tells it."""
    return (CounterfactualWorld if config.data.counterfactual_facts else World)(config.world)


def coded_scenes(world: World, codec: Codec, count: int) -> Iterator[tuple[int, list]]:
    """Index and image codes of every training scene."""
    for chunk, images in rendered(world, count):
        yield from zip(chunk, image_ids(codec, images), strict=True)


def rendered(world: World, count: int) -> Iterator[tuple[range, np.ndarray]]:
    """Indices and images, uint8 `[b h w 3]`, of every training scene."""
    for first in range(0, count, CHUNK):
        chunk = range(first, min(first + CHUNK, count))
        yield chunk, np.stack([world.render(world.scene("train", index)) for index in chunk])


def save_latents(world: World, codec: Codec, count: int, folder: Path) -> None:
    """Writes what is to be drawn where images have no codes."""
    found = [codec.encode(images).half().numpy() for _, images in rendered(world, count)]
    folder.mkdir(exist_ok=True)
    save_features(folder, np.concatenate(found), np.arange(count))


def source_of(data: DataConfig, index: int) -> str:
    """What sequence `index` asks about: for shares of the scenes facts or a text, else the picture.

    The words are those of a recipe's `mixture`.
    """
    if lot(index) < data.fact_share:
        return "facts"
    return "texts" if lot(index) < data.fact_share + data.text_share else "questions"


def lot(index: int) -> float:
    """What decides which share of the data a sequence belongs to, in [0, 1)."""
    return index % 1000 / 1000


def asks_about_picture(data: DataConfig, index: int) -> bool:
    """Whether the questions of sequence `index` are about the scene's picture."""
    return source_of(data, index) == "questions"


def taught(
    world: World, words: TextTokens, data: DataConfig, source: str, index: int, codes: list[int]
) -> Packed:
    """What `source` asks about training scene `index`, or of `captions` what it tells."""
    if source == "texts":
        return comprehension(world, words, data, index, data.questions)
    if source == "facts":
        facts = turns(world.fact_questions("train", index, data.facts))
        return fitting(facts, data.longest, partial(pack_understand, words, None))
    scene = world.scene("train", index)
    asked = [("", world.caption("train", index, scene))]
    if source == "questions":
        asked = turns(world.questions("train", index, scene, data.questions))
    return fitting(asked, data.longest, partial(pack_understand, words, codes))


def comprehension(
    world: World, words: TextTokens, data: DataConfig, index: int, count: int
) -> Packed:
    """A text that tells all of a scene, and up to `count` questions on it."""
    text, questions = world.comprehension("train", index, count)
    pack = partial(pack_comprehension, words, text)
    return fitting(turns(questions), data.longest, pack)


def fitting(asked: Turns, longest: int, pack: Callable[[Turns], Packed]) -> Packed:
    """The packed turns, without the first ones where they would be longer than `longest`."""
    while len(asked) > 1 and len(pack(asked).tokens) > longest:
        asked = asked[1:]
    return pack(asked)


def texts(config: SimpleNamespace, inputs: dict[str, Path], out: Path) -> None:
    """Writes the store `text` that stage 0 reads: plain text, and questions on a text."""
    world, data = taught_world(config), config.data
    words = text_tokens(config)
    rows = [
        pack_text(words, turns(world.text_turns(index)))
        if index % 1000 < 1000 * data.plain_share
        else comprehension(world, words, data, index, data.text_questions)
        for index in range(data.texts)
    ]
    save(out, "text", rows)


def turns(texts_or_questions: tuple[Question | str, ...]) -> Turns:
    """Questions with answers; a plain text is the answer to no question."""
    return [
        ("", one) if isinstance(one, str) else (one.text, one.answer) for one in texts_or_questions
    ]


def save(out: Path, name: str, rows: list[Packed]) -> None:
    store = SequenceStore.from_rows([(row.tokens, row.predicted) for row in rows])
    store.save(out, name)
    about = {
        "sequences": len(store),
        "tokens": len(store.tokens),
        "targets": int(store.predicted.sum()),
        "longest": int(np.diff(store.starts).max()),
    }
    write_json(out / f"{name}.json", about)
