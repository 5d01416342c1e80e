"""The training set in tokens, from a user's own images with texts in place of the world's scenes.

Which samples are used, and how often each, is the mixture's affair (datamodules/pairs/mixture.py);
here they pass through the suite's image tokenizer and words. A text outside the suite's vocabulary
makes a sample as useless as a damaged picture, and both are counted as broken.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from torch.utils.data import DataLoader

from datamodules.pairs.config import PairsConfig
from datamodules.pairs.deal import StepSamples
from datamodules.pairs.faults import Ledger
from datamodules.pairs.mixture import Mixture
from datamodules.pairs.samples import Broken, Sample
from datamodules.pairs.sources import open_source
from experiments.artifacts.data import fitting, save
from experiments.language.words import text_tokens
from experiments.markers import write_json
from experiments.progress_file import ProgressFile
from models import Task
from models.batch import Packed, pack_generate, pack_understand
from models.text_tokens import TextTokens
from models.tokenizers.codec import Codec, image_ids
from models.tokenizers.kinds import load_codec

SEED = 0
"""The training set is the same for every seed of a suite; a seed orders it."""
AT_ONCE = 64
Codes = list[int] | None


def training_data(config: SimpleNamespace, inputs: dict[str, Path], out: Path) -> None:
    """Writes the stores of the tasks that have sources, and `<task>.broken.json`.

    ValueError, naming samples, where more of them are broken than `pairs.max_broken` allows.
    """
    pairs: PairsConfig = config.pairs
    words, codec = text_tokens(config), load_codec(inputs["tokenizer"])
    tasks = pairs.tasks
    progress = ProgressFile(out, len(tasks) * pairs.sequences)
    for number, task in enumerate(tasks):
        ledger = Ledger(pairs.sequences, pairs.max_broken)
        rows: list[Packed] = []
        for samples in read(pairs, task, codec.config.pixels):
            whole = ledger.whole(samples)
            for one, codes in zip(whole, image_codes(codec, whole), strict=True):
                try:
                    rows.append(packed(task, words, one, codes, pairs.longest))
                except ValueError as error:
                    ledger.add(Broken(one.name, str(error)))
            progress.update(number * pairs.sequences + ledger.read - 1)
        save(out, task, rows)
        broken = [{"name": one.name, "reason": one.reason} for one in ledger.broken]
        write_json(out / f"{task}.broken.json", {"read": ledger.read, "broken": broken})


def read(pairs: PairsConfig, task: Task, pixels: int) -> Iterator[list[Sample | Broken]]:
    """The first `pairs.sequences` samples of the task's mixture."""
    chosen = pairs.sources(task)
    sources = [open_source(one, pixels) for one in chosen]
    mixture = Mixture(sources, [one.weight for one in chosen], SEED)
    steps = range(-(-pairs.sequences // AT_ONCE))
    dealt = StepSamples(mixture, AT_ONCE, steps, end=pairs.sequences)
    yield from DataLoader(dealt, batch_size=None, num_workers=pairs.workers, collate_fn=list)  # pyright: ignore


def image_codes(codec: Codec, samples: list[Sample]) -> list[Codes]:
    """The codes of each sample's picture, None where it has none."""
    for one in samples:
        if one.encoded is not None or one.sources:
            raise ValueError(
                f"a suite's source must give pictures with texts alone, got {one.name} "
                f"{'made from other pictures' if one.sources else 'precomputed'}."
            )
    shown = [one.image for one in samples if one.image is not None]
    coded = iter(image_ids(codec, np.stack(shown)) if shown else [])
    return [None if one.image is None else next(coded) for one in samples]


def packed(task: Task, words: TextTokens, sample: Sample, codes: Codes, longest: int) -> Packed:
    """One sequence; ValueError for a text outside the vocabulary, or where it cannot be trained on.

    A picture that has a caption alone is understood by telling it, as in UniFork's first stage.
    """
    if task == "generate":
        if codes is None or not sample.caption:
            raise ValueError("a sample to draw must have an image and a caption.")
        found = pack_generate(words, sample.caption, codes)
    else:
        turns = list(sample.turns or (("", sample.caption),))
        found = fitting(turns, longest, partial(pack_understand, words, codes))
    if len(found.tokens) > longest:
        raise ValueError(f"a sequence must have at most {longest} tokens, got {len(found.tokens)}.")
    return found
