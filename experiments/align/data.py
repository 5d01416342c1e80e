"""Examples of both tasks, step by step, from a user's own images with texts.

Each task has its mixture of sources; a step's batch is a part of each. What a step sees is a
function of the seed and the step (datamodules/pairs/stream.py).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import lightning
import torch
from torch.utils.data import DataLoader

from datamodules.pairs.samples import Broken, Sample
from datamodules.pairs.sources import open_mixture
from datamodules.pairs.stream import PairStream, StreamConfig
from datamodules.pairs.usable import Usable
from experiments.align.recipe import AlignConfig
from experiments.config import ConfigError
from models import Task
from models.ranks import ranks

EXAMPLES = "examples"


class TaskStreams(lightning.LightningDataModule):
    """Batches map each trained task to its samples."""

    def __init__(self, config: AlignConfig) -> None:
        super().__init__()
        self.streams = {task: stream(config, task) for task in config.train.tasks}

    def state_dict(self) -> dict[str, Any]:
        return {task: one.state_dict() for task, one in self.streams.items()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for task, one in self.streams.items():
            one.load_state_dict(state_dict[task])

    def told(self) -> dict[str, Any]:
        """Of each task, what all processes have met; all of them have to ask."""
        return {task: one.told() for task, one in self.streams.items()}

    def train_dataloader(self) -> Mapping[Task, DataLoader]:
        for one in self.streams.values():
            one.trainer = self.trainer
        return {task: one.train_dataloader() for task, one in self.streams.items()}

    def on_before_batch_transfer(
        self, batch: Mapping[Task, list[Sample | Broken]], dataloader_idx: int
    ) -> dict[Task, list[Sample]]:
        whole = {
            task: self.streams[task].on_before_batch_transfer(found, dataloader_idx)[EXAMPLES]
            for task, found in batch.items()
        }
        if ranks() > 1:  # the others would wait for this process's part of the task for ever
            return {task: found or self.streams[task].seen_again() for task, found in whole.items()}
        return whole

    def transfer_batch_to_device(
        self, batch: Any, device: torch.device, dataloader_idx: int
    ) -> Mapping[Task, Sequence[Sample]]:
        """Samples are pictures and texts: the model's own processor makes tensors of them."""
        return batch


def stream(config: AlignConfig, task: Task) -> PairStream:
    """Raises ConfigError where the task has no source."""
    chosen = config.pairs.sources(task)
    if not chosen:
        raise ConfigError(f"pairs.{task} must name sources, got none.")
    mixture = open_mixture(chosen, config.pixels, config.seed)
    dealt = StreamConfig(
        batch=config.train.batch(task),
        steps=config.train.steps,
        workers=config.pairs.workers,
        max_broken=config.pairs.max_broken,
    )
    return PairStream(Usable(mixture, task), lambda samples: {EXAMPLES: samples}, dealt)
