"""Sequences as training will see them, before any data has been made.

What a user's own pairs say is not known: their texts are taken for as long as `pairs.longest` lets
them be, so that the figures are certainly enough.
"""

from collections.abc import Callable
from statistics import fmean
from typing import Any

import numpy as np
import torch

from datamodules.world import World
from experiments.artifacts.data import source_of, taught
from experiments.language import bridged_to
from experiments.scaling.published import codec_of, words_of, written_by
from models import Task
from models.batch import Packed, Sequences, pack_drawn, pack_generate, pack_understand, pad
from models.text_tokens import BEGIN_IMAGE, GENERATE
from models.tokenizers.encoders import EFFICIENTNET, feature_map

SCENES = 1000
"""What a sequence asks about goes by its scene's number, and repeats after so many."""
EVERY = 5


class Samples:
    """Packed sequences of every fifth of the first thousand scenes; image codes are random."""

    def __init__(self, config: Any) -> None:
        self.config, self.world, self.words = config, World(config.world), words_of(config)
        self.language_model = written_by(config, bridged_to(config))
        self.longest = config.pairs.longest if config.pairs.tasks else None
        self.view = feature_map(config.encoder) or EFFICIENTNET
        random, sizes = np.random.default_rng(0), codec_of(config.tokenizer).config
        shape = (SCENES // EVERY, sizes.tokens_per_image)
        coded = random.integers(0, sizes.codes, shape).tolist()
        self.packed: dict[Task, list[Packed]] = {"understand": [], "generate": []}
        for index, codes in zip(range(0, SCENES, EVERY), coded, strict=True):
            caption = self.world.caption("train", index, self.world.scene("train", index))
            self.packed["generate"].append(self.to_draw(caption, codes))
            self.packed["understand"].append(self.to_understand(index, caption, codes))

    def to_draw(self, caption: str, codes: list[int]) -> Packed:
        return filled(lambda times: self.prompted(caption, times, codes), self.longest)

    def prompted(self, caption: str, times: int, codes: list[int]) -> Packed:
        """A caption so many times over, as the arm or its published language model reads it."""
        text = " ".join([caption] * times)
        if self.language_model is None:
            return pack_generate(self.words, text, codes)
        opening = [GENERATE, *self.language_model.chat(text), BEGIN_IMAGE]
        return pack_drawn(opening, len(self.language_model), codes)

    def to_understand(self, index: int, caption: str, codes: list[int]) -> Packed:
        if self.longest is None:
            data, source = self.config.data, self.source(index)
            return taught(self.world, self.words, data, source, index, codes)
        turn = (caption, caption)  # questions as long as answers
        return filled(lambda n: pack_understand(self.words, codes, [turn] * n), self.longest)

    def source(self, index: int) -> str:
        """What sequence `index` asks about: by the shares of `data`, or by a recipe's mixture."""
        chosen = self.config.mixture.sources("understand")
        if not chosen:
            return source_of(self.config.data, index)
        upto = np.cumsum([one.weight for one in chosen])
        return chosen[np.searchsorted(upto, (index + 0.5) / SCENES * upto[-1])].source

    def sequences(self, task: Task, count: int) -> Sequences:
        """`count` sequences of a task, whose lengths are spread as those of the data are."""
        pool = sorted(self.packed[task], key=lambda one: len(one.tokens))
        chosen = [pool[(2 * place + 1) * len(pool) // (2 * count)] for place in range(count)]
        shape = (count, self.view.cells**2, self.view.channels)
        features = torch.zeros(shape, dtype=torch.float16)
        return {**pad(chosen), "features": features}

    def tokens(self, task: Task) -> float:
        """Tokens of a sequence in the mean."""
        return fmean(len(one.tokens) for one in self.packed[task])


def filled(pack: Callable[[int], Packed], longest: int | None) -> Packed:
    """The text as many times over as fit into `longest` tokens; once where there is no such limit.

    Raises ValueError where it does not fit once.
    """
    once = pack(1)
    if longest is None:
        return once
    room = longest - len(once.tokens)
    if room < 0:
        raise ValueError(
            f"pairs.longest must leave room for an image and a caption, {len(once.tokens)} tokens, "
            f"got {longest}."
        )
    added = len(pack(2).tokens) - len(once.tokens)
    return pack(1 + room // added) if added else once
