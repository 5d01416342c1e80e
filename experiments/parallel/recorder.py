"""Records a run of several processes or micro-batches as if it were one process's.

Counts and values of a step are those of all its pieces: they are added up over micro-batches here,
and over processes where something is to be written. Files are the first process's affair; what the
others write goes to a folder that is thrown away (launch.py).
"""

from collections import Counter
from pathlib import Path
from typing import Any

import lightning
import torch
from torch import Tensor

from experiments.fitting.fit import Recorder, Spent, averaged_state
from experiments.parallel.average import TrainedAverage
from experiments.parallel.execution import ExecutionConfig
from models.module import UnifiedModule
from models.ranks import over_ranks
from models.text_tokens import PAD


class RankRecorder(Recorder):
    def __init__(
        self,
        out: Path,
        module: UnifiedModule,
        flops: int,
        before: Spent,
        execution: ExecutionConfig,
    ) -> None:
        super().__init__(out, module, flops, before)
        self.execution = execution
        self.own: Counter[tuple[str, str]] = Counter()
        self.sums: dict[str, Tensor] = {}

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: Any,
        outputs: Any,
        batch: dict[str, dict[str, Tensor]],
        batch_idx: int,
    ) -> None:
        self.add(batch, pl_module.values)
        if not self.ends_step(trainer):
            return
        if self.leaves_something(trainer.global_step):
            self.share_counts()
            self.leave(trainer, {name: self.mean(total) for name, total in self.sums.items()})
        self.sums.clear()

    def add(self, batch: dict[str, dict[str, Tensor]], values: dict[str, Tensor]) -> None:
        for task, sequences in batch.items():
            self.own["tokens", task] += int((sequences["tokens"] != PAD).sum())
            self.own["sequences", task] += len(sequences["tokens"])
        for name, value in values.items():
            if value.dim() == 0:
                self.sums[name] = self.sums.get(name, 0) + value.detach()

    def leaves_something(self, step: int) -> bool:
        """Whether values, weights or a resume point are written after `step`."""
        return self.is_due(step) or step in self.marks or step % self.resume_every == 0

    def share_counts(self) -> None:
        """Adds to the counts what all processes have seen since the last time."""
        seen = over_ranks(torch.tensor([self.own[key] for key in self.keys()]))
        for (kind, task), number in zip(self.keys(), seen.tolist(), strict=True):
            getattr(self, kind)[task] += number
        self.own.clear()

    def keys(self) -> list[tuple[str, str]]:
        return [(kind, task) for kind in ("tokens", "sequences") for task in self.tokens]

    def mean(self, total: Tensor) -> Tensor:
        """The mean over all pieces of a step, of the sum over this process's."""
        return over_ranks(total) / self.execution.pieces

    def averaged(self, trainer: lightning.Trainer) -> dict[str, Tensor]:
        sharded = [one for one in trainer.callbacks if isinstance(one, TrainedAverage)]  # pyright: ignore
        if not sharded:
            return averaged_state(trainer)
        return sharded[0].whole_state(trainer.lightning_module)
