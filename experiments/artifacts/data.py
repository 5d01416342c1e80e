"""The training set in tokens: pictures with captions, pictures with questions, facts, and texts."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from datamodules.sequences import DataConfig, SequenceStore
from datamodules.world import Question, World
from experiments.markers import write_json
from experiments.progress_file import ProgressFile
from models.batch import Packed, pack_generate, pack_text, pack_understand
from models.image_tokens import ImageTokenizer
from models.text_tokens import TextTokens

CHUNK = 512


def training_data(config: SimpleNamespace, inputs: dict[str, Path], out: Path) -> None:
    """Writes the stores `understand` and `generate`: one sequence a scene and task each."""
    world, data = World(config.world), config.data
    words = TextTokens(world.vocabulary)
    codec = ImageTokenizer.load(str(inputs["tokenizer"] / "tokenizer.pt"))
    progress = ProgressFile(out, data.scenes)
    understand: list[Packed] = []
    generate: list[Packed] = []
    for index, codes in coded_scenes(world, codec, data.scenes):
        scene = world.scene("train", index)
        generate.append(pack_generate(words, world.caption("train", index, scene), codes))
        understand.append(understanding(world, words, data, index, codes))
        progress.update(index)
    save(out, "understand", understand)
    save(out, "generate", generate)


def coded_scenes(world: World, codec: ImageTokenizer, count: int) -> Iterator[tuple[int, list]]:
    """Index and image codes of every training scene."""
    for first in range(0, count, CHUNK):
        chunk = range(first, min(first + CHUNK, count))
        images = np.stack([world.render(world.scene("train", index)) for index in chunk])
        yield from zip(chunk, codec.encode(images).tolist(), strict=True)


def understanding(
    world: World, words: TextTokens, data: DataConfig, index: int, codes: list[int]
) -> Packed:
    """Questions on the scene; for a share of the scenes, questions on facts and no picture."""
    if index % 1000 < 1000 * data.fact_share:
        facts = world.fact_questions("train", index, data.facts)
        return pack_understand(words, None, turns(facts))
    scene = world.scene("train", index)
    asked = turns(world.questions("train", index, scene, data.questions))
    while len(asked) > 1 and len(pack_understand(words, codes, asked).tokens) > data.longest:
        asked.pop(0)
    return pack_understand(words, codes, asked)


def texts(config: SimpleNamespace, inputs: dict[str, Path], out: Path) -> None:
    """Writes the store `text` that stage 0 reads."""
    world = World(config.world)
    words = TextTokens(world.vocabulary)
    rows = [pack_text(words, turns(world.text_turns(index))) for index in range(config.data.texts)]
    save(out, "text", rows)


def turns(texts_or_questions: tuple[Question | str, ...]) -> list[tuple[str, str]]:
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
