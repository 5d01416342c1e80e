"""The training set in tokens, from a user's own images with texts in place of the world's scenes.

Which samples are used, and how often each, is the mixture's affair (datamodules/pairs/mixture.py);
here they pass through the suite's image tokenizer and words, or come as codes of that tokenizer. A
text outside the suite's vocabulary makes a sample as useless as a damaged picture, and both are
counted as broken.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from torch.utils.data import DataLoader

from datamodules.pairs.config import PairsConfig
from datamodules.pairs.deal import StepSamples
from datamodules.pairs.encoders import encoder_label
from datamodules.pairs.faults import Ledger
from datamodules.pairs.samples import Broken, Sample
from datamodules.pairs.shards import PrecomputedSource
from datamodules.pairs.sources import PRECOMPUTED, SourceConfig, open_mixture
from experiments.artifacts.data import fitting, save
from experiments.language.words import text_tokens
from experiments.store.markers import write_json
from experiments.store.progress_file import ProgressFile
from models import Task
from models.batch import Packed, pack_understand
from models.image_prompts import IMAGE, pack_image_prompt
from models.text_tokens import TextTokens
from models.tokenizers.codec import Codec, image_ids
from models.tokenizers.kinds import load_codec

SEED = 0
"""The training set is the same for every seed of a suite; a seed orders it."""
AT_ONCE = 64


@dataclass(frozen=True)
class Codes:
    """A sample's pictures in codes: its own, if it has one, and those that it is made from."""

    image: list[int] | None
    sources: list[list[int]]


def training_data(config: SimpleNamespace, inputs: dict[str, Path], out: Path) -> None:
    """Writes the stores of the tasks that have sources, and `<task>.broken.json`.

    ValueError, naming samples, where more of them are broken than `pairs.max_broken` allows.
    """
    pairs: PairsConfig = config.pairs
    words, codec = text_tokens(config), load_codec(inputs["tokenizer"])
    tasks = pairs.tasks
    check_encoders(codec, [one for task in tasks for one in pairs.sources(task)])
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
        write_json(out / f"{task}.broken.json", ledger.told())


def read(pairs: PairsConfig, task: Task, pixels: int) -> Iterator[list[Sample | Broken]]:
    """The first `pairs.sequences` samples of the task's mixture."""
    mixture = open_mixture(pairs.sources(task), pixels, SEED)
    steps = range(-(-pairs.sequences // AT_ONCE))
    dealt = StepSamples(mixture, AT_ONCE, steps, end=pairs.sequences)
    yield from DataLoader(dealt, batch_size=None, num_workers=pairs.workers, collate_fn=list)  # pyright: ignore


def check_encoders(codec: Codec, sources: Sequence[SourceConfig]) -> None:
    """Raises ValueError for a precomputed source whose codes are not this tokenizer's."""
    for one in (source for source in sources if source.form == PRECOMPUTED):
        made_by = PrecomputedSource(Path(one.path)).about["encoder"]
        network = getattr(codec, "network", None)
        own = encoder_label(network) if network else "none"
        if made_by != own:
            raise ValueError(
                f"{one.path} must hold codes of the suite's tokenizer, {own}, got {made_by}."
            )


def image_codes(codec: Codec, samples: list[Sample]) -> list[Codes]:
    """The codes of each sample's pictures; ValueError for those of pictures of another size."""
    shown = [picture for one in samples for picture in pictures(one)]
    coded = iter(image_ids(codec, np.stack(shown)) if shown else [])
    return [
        Codes(
            sources=[next(coded) for _ in one.sources],
            image=given_codes(codec, one) if one.image is None else next(coded),
        )
        for one in samples
    ]


def pictures(sample: Sample) -> list[np.ndarray]:
    """The pictures that have to be encoded: those that it is made from, then its own."""
    return [*sample.sources, *([] if sample.image is None else [sample.image])]


def given_codes(codec: Codec, sample: Sample) -> list[int] | None:
    """What `precompute` left of the picture, None where there is none."""
    if sample.encoded is None:
        return None
    wanted = codec.config.tokens_per_image
    if sample.encoded.shape != (wanted,):
        raise ValueError(
            f"{sample.name} must have {wanted} codes, as tokenizer.pixels says, "
            f"got {list(sample.encoded.shape)}."
        )
    return sample.encoded.tolist()


def packed(task: Task, words: TextTokens, sample: Sample, codes: Codes, longest: int) -> Packed:
    """One sequence; ValueError for a text outside the vocabulary, or where it cannot be trained on.

    A picture that has a caption alone is understood by telling it, as in UniFork's first stage. The
    pictures that one is made from stand in its prompt, before the instruction.
    """
    if task == "generate":
        if codes.image is None or not sample.caption:
            raise ValueError("a sample to draw must have an image and a caption.")
        asked = IMAGE * len(codes.sources) + sample.caption
        found = pack_image_prompt(words, asked, codes.sources, codes.image)
    else:
        turns = list(sample.turns or (("", sample.caption),))
        found = fitting(turns, longest, partial(pack_understand, words, codes.image))
    if len(found.tokens) > longest:
        raise ValueError(f"a sequence must have at most {longest} tokens, got {len(found.tokens)}.")
    return found
