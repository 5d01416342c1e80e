"""Token sequences on disk, and the LightningDataModule that deals them out by step.

A store is three arrays, memory-mapped: all tokens end to end, which of them are targets, and where
each sequence starts. What a step sees is a function of (seed, task, step) alone: a fresh
permutation of the store each time it has been dealt out, so resuming needs no state but the step.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import lightning
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from datamodules.unsized import Onward

PARTS = ("tokens", "predicted", "starts")


@dataclass(frozen=True, kw_only=True)
class DataConfig:
    """The training set: scenes rendered once and dealt out again when they run out.

    At most `questions` are packed after one image or text, fewer where the sequence would be longer
    than `longest` tokens (a batch is as long as its longest row), but always one. Of the
    understanding sequences `fact_share` ask about facts and `text_share` about a text; they have no
    image. `texts` are the samples of stage 0: `plain_share` are facts, the others ask
    `text_questions` about a text. With `counterfactual_facts` each fact is told and asked of
    another object than it is true of.
    """

    scenes: int = 80_000
    questions: int = 9
    longest: int = 112
    fact_share: float = 0.08
    text_share: float = 0.25
    facts: int = 12
    texts: int = 24_000
    text_questions: int = 8
    plain_share: float = 0.1
    counterfactual_facts: bool = False

    def __post_init__(self) -> None:
        for name in ("scenes", "questions", "longest", "facts", "texts", "text_questions"):
            if getattr(self, name) < 1:
                raise ValueError(f"data.{name} must be at least 1, got {getattr(self, name)}.")
        for name in ("fact_share", "text_share", "plain_share"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"data.{name} must lie in [0, 1), got {getattr(self, name)}.")
        if self.fact_share + self.text_share >= 1:
            raise ValueError(
                "data.fact_share and data.text_share must leave room for images, "
                f"got {self.fact_share} and {self.text_share}."
            )


class SequenceStore:
    """`tokens` uint16 [t], `predicted` bool [t], `starts` int64 [sequences + 1].

    Tokens are int64 where ids are larger, as those of residual codes are.
    """

    def __init__(self, tokens: np.ndarray, predicted: np.ndarray, starts: np.ndarray) -> None:
        self.tokens, self.predicted, self.starts = tokens, predicted, starts

    def __len__(self) -> int:
        return len(self.starts) - 1

    @classmethod
    def from_rows(cls, rows: Sequence[tuple[list[int], list[bool]]]) -> "SequenceStore":
        lengths = [len(tokens) for tokens, _ in rows]
        tokens = np.concatenate([np.asarray(tokens, dtype=np.int64) for tokens, _ in rows])
        small = tokens.max(initial=0) <= np.iinfo(np.uint16).max
        return cls(
            tokens.astype(np.uint16) if small else tokens,
            np.concatenate([np.asarray(predicted, dtype=bool) for _, predicted in rows]),
            np.concatenate(([0], np.cumsum(lengths))).astype(np.int64),
        )

    def save(self, folder: Path, name: str) -> None:
        for part in PARTS:
            np.save(folder / f"{name}.{part}.npy", getattr(self, part))

    @classmethod
    def load(cls, folder: Path, name: str) -> Self:
        """Raises ValueError where the arrays do not belong together."""
        arrays = [np.load(folder / f"{name}.{part}.npy", mmap_mode="r") for part in PARTS]
        tokens, predicted, starts = arrays
        if not len(tokens) == len(predicted) == starts[-1]:
            raise ValueError(
                f"{folder / name} must hold {starts[-1]} tokens and flags, "
                f"got {len(tokens)} and {len(predicted)}."
            )
        return cls(*arrays)

    def row(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        part = slice(self.starts[index], self.starts[index + 1])
        return self.tokens[part], self.predicted[part]

    def beside(self, sequences: list[int]) -> dict[str, Tensor]:
        """What a batch of these sequences holds beside tokens; here nothing."""
        return {}


def indices(seed: int, task: str, step: int, batch: int, count: int) -> list[int]:
    """The sequences of `task` that `step` sees out of `count`."""
    positions = range(step * batch, (step + 1) * batch)
    orders = {
        epoch: np.random.default_rng(stable_seed(seed, task, epoch)).permutation(count)
        for epoch in {position // count for position in positions}
    }
    return [int(orders[position // count][position % count]) for position in positions]


def stable_seed(*parts: object) -> int:
    """A seed that is a function of `parts`, the same in every process."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "little")


@dataclass(frozen=True)
class PromptDrop:
    """How often a prompt is replaced by `token`: everything between the first token and the one
    before the first target."""

    share: float
    token: int

    def flags(self, seed: int, step: int, batch: int) -> np.ndarray:
        return np.random.default_rng(stable_seed(seed, "drop", step)).random(batch) < self.share

    def apply(self, tokens: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        last = int(predicted.argmax()) - 1
        kept = np.concatenate((tokens[:1], [self.token], tokens[last:]))
        return kept, np.concatenate(([False, False], predicted[last:]))


@dataclass(eq=False)
class StepBatches(Dataset):
    """Item s is the batch of the s-th of `steps`."""

    stores: Mapping[str, SequenceStore]
    sizes: Mapping[str, int]
    drop: PromptDrop
    seed: int
    steps: range

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, item: int) -> dict[str, dict[str, Tensor]]:
        step = self.steps[item]
        return {task: self.sequences(task, step) for task in self.stores if self.sizes[task]}

    def sequences(self, task: str, step: int) -> dict[str, Tensor]:
        store, size = self.stores[task], self.sizes[task]
        chosen = indices(self.seed, task, step, size, len(store))
        rows = [store.row(index) for index in chosen]
        dropped = np.zeros(size, dtype=bool)
        if task == "generate":
            dropped = self.drop.flags(self.seed, step, size)
            rows = [self.drop.apply(*r) if d else r for r, d in zip(rows, dropped, strict=True)]
        flags = {"prompt_dropped": torch.from_numpy(dropped)}
        return {**padded(rows), **flags, **store.beside(chosen)}


def padded(rows: Sequence[tuple[np.ndarray, np.ndarray]]) -> dict[str, Tensor]:
    """`tokens` int64 and `predicted` bool, `[b, n]`, zeros on the right."""
    length = max(len(tokens) for tokens, _ in rows)
    tokens = np.zeros((len(rows), length), dtype=np.int64)
    predicted = np.zeros((len(rows), length), dtype=bool)
    for index, (row, targets) in enumerate(rows):
        tokens[index, : len(row)] = row
        predicted[index, : len(row)] = targets
    return {"tokens": torch.from_numpy(tokens), "predicted": torch.from_numpy(predicted)}


class SequenceData(lightning.LightningDataModule):
    """Deals batches from the trainer's current step to `steps`.

    Training's first step sees the data of step `begin`: a run that goes on from another one sees
    what that has not seen.
    """

    def __init__(
        self,
        stores: Mapping[str, SequenceStore],
        sizes: Mapping[str, int],
        drop: PromptDrop,
        seed: int,
        steps: int,
        begin: int = 0,
    ) -> None:
        super().__init__()
        self.whole = StepBatches(stores, sizes, drop, seed, range(begin, begin + steps))

    def batches(self, first: int) -> StepBatches:
        """The batches of the steps from `first` on."""
        return replace(self.whole, steps=self.whole.steps[first:])

    def train_dataloader(self) -> DataLoader:
        batches = self.batches(self.trainer.global_step if self.trainer else 0)
        return DataLoader(batches, batch_size=None, sampler=Onward(len(batches)))
