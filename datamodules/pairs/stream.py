"""A LightningDataModule that deals the samples of a mixture: for latents, which are no tokens.

What rank r sees of step s is a function of s and r alone (deal.py), so a run resumes at the
trainer's step. Broken samples are left out of their batch, counted in the process that trains.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lightning
from torch.utils.data import DataLoader

from datamodules.pairs.deal import Rank, StepSamples
from datamodules.pairs.faults import Ledger
from datamodules.pairs.samples import Broken, Positions, Sample
from datamodules.unsized import Onward


@dataclass(frozen=True, kw_only=True)
class StreamConfig:
    """`batch` samples a step over all ranks, `steps` steps, read ahead by `workers` a rank; of the
    samples the share `max_broken` may be broken. A step comes in `accumulate` batches a rank."""

    batch: int
    steps: int
    accumulate: int = 1
    workers: int = 0
    max_broken: float = 0.01

    def __post_init__(self) -> None:
        if self.accumulate < 1 or self.batch % self.accumulate:
            raise ValueError(
                f"batch must be a multiple of accumulate={self.accumulate}, got {self.batch}."
            )


class PairStream(lightning.LightningDataModule):
    """Batches are what `collate` makes of the whole samples of a step.

    For a trainer with `max_steps=config.steps`, `accumulate_grad_batches=config.accumulate` and
    `use_distributed_sampler=False`: the ranks' parts are dealt here.
    """

    def __init__(
        self,
        positions: Positions,
        collate: Callable[[list[Sample]], dict[str, Any]],
        config: StreamConfig,
    ) -> None:
        super().__init__()
        self.positions, self.collate, self.config = positions, collate, config

    def train_dataloader(self) -> DataLoader:
        """The steps that are left. ValueError where the ranks do not divide a step."""
        trainer, config = self.trainer, self.config
        rank = Rank(trainer.global_rank, trainer.world_size) if trainer else Rank()
        first = trainer.global_step if trainer else 0
        parts = range(first * config.accumulate, config.steps * config.accumulate)
        part = config.batch // config.accumulate
        whole = config.steps * config.batch // rank.ranks  # and not of the steps that are left
        self.ledger = Ledger(whole, config.max_broken)
        dealt: Any = StepSamples(self.positions, part, parts, rank)
        return DataLoader(
            dealt,
            batch_size=None,
            sampler=Onward(len(parts)),
            num_workers=config.workers,
            collate_fn=list,
        )

    def on_before_batch_transfer(
        self, batch: list[Sample | Broken], dataloader_idx: int
    ) -> dict[str, Any]:
        return self.collate(self.ledger.whole(batch))
