"""Sequences as training will see them, before any data has been made."""

from statistics import fmean
from typing import Any

import numpy as np
import torch

from datamodules.world import World
from experiments.artifacts.data import understanding
from experiments.language.words import text_tokens
from models import Task
from models.batch import Packed, Sequences, pack_generate, pad
from models.image_features import CELLS, CHANNELS

SCENES = 1000
"""What a sequence asks about goes by its scene's number, and repeats after so many."""
EVERY = 5


class Samples:
    """Packed sequences of every fifth of the first thousand scenes; image codes are random."""

    def __init__(self, config: Any) -> None:
        world, words = World(config.world), text_tokens(config)
        random = np.random.default_rng(0)
        shape = (SCENES // EVERY, config.tokenizer.tokens_per_image)
        coded = random.integers(0, config.tokenizer.codes, shape).tolist()
        self.packed: dict[Task, list[Packed]] = {"understand": [], "generate": []}
        for index, codes in zip(range(0, SCENES, EVERY), coded, strict=True):
            caption = world.caption("train", index, world.scene("train", index))
            self.packed["generate"].append(pack_generate(words, caption, codes))
            asked = understanding(world, words, config.data, index, codes)
            self.packed["understand"].append(asked)

    def sequences(self, task: Task, count: int) -> Sequences:
        """`count` sequences of a task, whose lengths are spread as those of the data are."""
        pool = sorted(self.packed[task], key=lambda one: len(one.tokens))
        chosen = [pool[(2 * place + 1) * len(pool) // (2 * count)] for place in range(count)]
        features = torch.zeros(count, CELLS**2, CHANNELS, dtype=torch.float16)
        return {**pad(chosen), "features": features}

    def tokens(self, task: Task) -> float:
        """Tokens of a sequence in the mean."""
        return fmean(len(one.tokens) for one in self.packed[task])
