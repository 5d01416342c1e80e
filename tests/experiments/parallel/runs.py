"""Tiny runs of every arm, in this process and in others."""

import json
import os
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch

from datamodules.sequences import PromptDrop, SequenceData, SequenceStore
from experiments.fitting import run_files
from experiments.fitting.fit import NOTHING, fit
from experiments.parallel import fit as parallel_fit
from experiments.parallel.execution import ExecutionConfig
from experiments.parallel.fit import fit_on_ranks
from models.batch import pack_generate, pack_understand
from models.image_tokens import ImageTokenizer
from models.interaction_loss import InteractionConfig
from models.module import UnifiedModule
from models.text_tokens import DROP, TextTokens
from models.tokenizers.efficientnet import CELLS, CHANNELS
from models.unified import Vocabulary
from tests.models.conftest import CODEC, TRAIN, WORDS, build, build_bridge

STEPS, BATCH, SEQUENCES = 3, 4, 24
WITH_INTERACTION = InteractionConfig(understand_weight=2.0, generate_weight=2.0)


@dataclass(frozen=True)
class Case:
    """One arm, what its training changes, and how it is carried out."""

    arm: str
    execution: ExecutionConfig
    train: tuple[tuple[str, Any], ...] = ()
    fields: tuple[tuple[str, Any], ...] = ()

    @property
    def label(self) -> str:
        changes = [key for key, _ in (*self.train, *self.fields)]
        how = self.execution
        extras = ["recompute"] * how.recompute + [how.compiler] * (how.compiler != "none")
        pieces = f"{how.devices}x{how.accumulate}"
        return "-".join([self.arm, *changes, *extras, how.strategy, pieces])


class Store(SequenceStore):
    """With features of a second encoder, the same for a sequence whenever it is dealt."""

    def beside(self, sequences: list[int]) -> dict[str, torch.Tensor]:
        random = [np.random.default_rng(index) for index in sequences]
        rows = [one.standard_normal((CELLS**2, CHANNELS), dtype=np.float32) for one in random]
        return {"features": torch.from_numpy(np.stack(rows)).half()}


def words() -> TextTokens:
    return TextTokens(WORDS)


def data(steps: int = STEPS) -> SequenceData:
    """Sequences of both tasks, of unequal lengths and with unequal numbers of targets."""
    random = np.random.default_rng(0)
    codes = random.integers(0, CODEC.codes, (SEQUENCES, CODEC.tokens_per_image)).tolist()
    captions = ["a photo of a red cat", "a dog", "the cat"]
    drawn = [pack_generate(words(), captions[i % 3], code) for i, code in enumerate(codes)]
    turn = ("is it a cat ?", "yes")
    asked = [pack_understand(words(), c, [turn] * (1 + i % 3)) for i, c in enumerate(codes)]
    stores = {
        "understand": Store.from_rows([(row.tokens, row.predicted) for row in asked]),
        "generate": SequenceStore.from_rows([(row.tokens, row.predicted) for row in drawn]),
    }
    sizes = {"understand": BATCH, "generate": BATCH}
    return SequenceData(stores, sizes, PromptDrop(0.3, DROP), 0, steps)


def module(case: Case, steps: int = STEPS) -> UnifiedModule:
    torch.manual_seed(0)
    codec = ImageTokenizer(CODEC).eval()
    vocabulary = Vocabulary(len(words()), codec.features(), CODEC.grid)
    train = replace(TRAIN, steps=steps, **dict(case.train))
    fields = dict(case.fields)
    if case.arm == "frozen_bridge":
        return build_bridge(vocabulary, codec, train=train, **fields)
    return build(case.arm, vocabulary, train=train, **fields)


def run_all(out: Path, home: Path, cases: tuple[Case, ...]) -> None:
    """Every case, one after the other, in the processes that this one belongs to; the last resume
    point, of the step before the last, is left where it is."""
    with (
        patch.object(run_files, "METRICS_EVERY", 1),
        patch.object(parallel_fit, "discard"),
    ):
        for case in cases:
            here = out / case.label
            here.mkdir(parents=True, exist_ok=True)
            fit_on_ranks(module(case), data(), here, home / case.label, NOTHING, case.execution)


def run_whole(out: Path, case: Case) -> None:
    """The same arm by one process that sees every step whole."""
    with patch.object(run_files, "METRICS_EVERY", 1):
        fit(module(case), data(), out)


def losses(folder: Path) -> dict[tuple[int, str], float]:
    """Every value of every step but ratios of two means, which no mean of pieces gives."""
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return {(d["step"], d["name"]): d["value"] for d in lines if not d["name"].endswith("ratio")}


def fail_as_second(out: Path) -> None:
    """The first process waits for the second, which fails."""
    if os.environ["RANK"] == "1":
        raise ValueError("no")
    time.sleep(60)
