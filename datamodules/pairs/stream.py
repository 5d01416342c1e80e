"""A LightningDataModule that deals the samples of a mixture: for latents, which are no tokens.

What rank r sees of step s is a function of s and r alone (deal.py), so a run resumes at the
trainer's step. Broken samples are left out of their batch and counted in the process that trains;
the counts of all processes are in the trainer's checkpoint, and a resumed run goes on with them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import lightning
from torch.utils.data import DataLoader

from datamodules.pairs.deal import Rank, StepSamples
from datamodules.pairs.faults import Ledger, every_rank, together
from datamodules.pairs.samples import Broken, Positions, Sample
from datamodules.unsized import Onward


@dataclass(frozen=True, kw_only=True)
class StreamConfig:
    """`batch` samples a step over all ranks, `steps` steps, read ahead by `workers` a rank; of the
    samples the share `max_broken` may be broken. A step comes in `accumulate` batches a rank. With
    `refill`, a batch whose samples are all broken repeats the batch before."""

    batch: int
    steps: int
    accumulate: int = 1
    workers: int = 0
    max_broken: float = 0.01
    refill: bool = False

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
        self.before: list[dict[str, Any]] = []
        self.last: list[Sample] = []
        self.dealt_before: Sequence[list[Sample | Broken]] = ()

    def state_dict(self) -> dict[str, Any]:
        """What each process has met; all of them have to ask."""
        return {"ranks": every_rank(self.ledger.told())}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.before = state_dict["ranks"]

    def told(self) -> dict[str, Any]:
        """What all processes have met since the run began, for JSON; all of them have to ask."""
        return together(every_rank(self.ledger.told()))

    def broken_before(self, rank: Rank) -> list[Broken]:
        """This process's part of what was broken before a resume: what it met itself, unless the
        number of processes has changed."""
        parts = [part["broken"] for part in self.before]
        if len(parts) == rank.ranks:
            own = parts[rank.number]
        else:
            own = [one for part in parts for one in part][rank.number :: rank.ranks]
        return [Broken(**one) for one in own]

    def train_dataloader(self) -> DataLoader:
        """The steps that are left. ValueError where the ranks do not divide a step."""
        trainer, config = self.trainer, self.config
        rank = Rank(trainer.global_rank, trainer.world_size) if trainer else Rank()
        first = trainer.global_step if trainer else 0
        parts = range(first * config.accumulate, config.steps * config.accumulate)
        part = config.batch // config.accumulate
        self.ledger = Ledger(
            config.steps * config.batch // rank.ranks,  # of the whole run, not of what is left
            config.max_broken,
            first * config.batch // rank.ranks,
            self.broken_before(rank),
        )
        dealt: Any = StepSamples(self.positions, part, parts, rank)
        self.dealt_before = StepSamples(self.positions, part, range(parts.start), rank)
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
        whole = self.ledger.whole(batch)
        self.last = whole or self.last
        if self.config.refill:
            whole = self.seen_again()
        return self.collate(whole)

    def seen_again(self) -> list[Sample]:
        """The last batch with whole samples, also of the steps before a resume.

        Raises ValueError where there has been none.
        """
        earlier = (self.dealt_before[one] for one in reversed(range(len(self.dealt_before))))
        whole = ([one for one in batch if isinstance(one, Sample)] for batch in earlier)
        self.last = self.last or next(filter(None, whole), [])
        if not self.last:
            raise ValueError("the first samples of a run must not all be broken, got no other.")
        return self.last
