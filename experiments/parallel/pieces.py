"""Deals each process its pieces of every step's batch (models/pieces.py).

A step's batch is a function of the step alone, so every process knows the whole of it and takes its
own rows: no sample is seen twice or left out, whatever the number of processes.
"""

from dataclasses import dataclass
from typing import Any

import lightning
from torch.utils.data import DataLoader, Dataset

from datamodules.sequences import SequenceData, StepBatches
from datamodules.unsized import Onward
from experiments.parallel.execution import ExecutionConfig
from models.batch import Batch
from models.pieces import Piece, cut


@dataclass(frozen=True)
class Cutting:
    """How batches are cut for process `rank`; image codes are the ids from `text` on."""

    execution: ExecutionConfig
    rank: int
    text: int

    def piece(self, micro: int) -> Piece:
        """The rank's piece in a step's micro-batch number `micro`."""
        number = micro * self.execution.devices + self.rank
        return Piece(number, self.execution.pieces)


class PieceBatches(Dataset):
    """Item i is this rank's piece of micro-batch i % accumulate of step i // accumulate."""

    def __init__(self, steps: StepBatches, cutting: Cutting) -> None:
        self.steps, self.cutting = steps, cutting

    def __len__(self) -> int:
        return len(self.steps) * self.cutting.execution.accumulate

    def __getitem__(self, item: int) -> Batch:
        step, micro = divmod(item, self.cutting.execution.accumulate)
        piece, text = self.cutting.piece(micro), self.cutting.text
        tasks: Any = self.steps[step].items()
        return {task: cut(whole, task, piece, text) for task, whole in tasks}


class PieceData(lightning.LightningDataModule):
    """Deals `data` in pieces from the trainer's current step on."""

    def __init__(self, data: SequenceData, cutting: Cutting) -> None:
        super().__init__()
        self.data, self.cutting = data, cutting

    def train_dataloader(self) -> DataLoader:
        first = self.trainer.global_step if self.trainer else 0
        pieces = PieceBatches(self.data.batches(first), self.cutting)
        return DataLoader(pieces, batch_size=None, sampler=Onward(len(pieces)))
