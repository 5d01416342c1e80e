"""The average of sharded weights: each process averages its own part.

Lightning's WeightAveraging copies the module, which FSDP2's do not allow; this one keeps tensors,
with the same decay, and leaves the average in the module at the end as that one does.
"""

from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from models.shards import local, whole
from models.training import TrainConfig, ema_update

AVERAGE = "average."
"""What the names of the averaged tensors begin with in a checkpoint."""


class ShardedAverage(Callback):
    def __init__(self, config: TrainConfig) -> None:
        self.update, self.updates = ema_update(config.ema_decay), 0
        self.average: dict[str, Tensor] = {}

    def on_fit_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        self.average = {n: p.detach().clone() for n, p in pl_module.named_parameters()}

    def on_train_batch_end(self, trainer: lightning.Trainer, pl_module: Any, *_: Any) -> None:
        if trainer.global_step == self.updates:
            return
        ours = [local(one) for one in self.average.values()]
        current = [local(one.detach()) for one in pl_module.parameters()]
        if self.updates:
            self.update(ours, current, self.updates)
        else:
            torch._foreach_copy_(ours, current)
        self.updates = trainer.global_step

    def on_train_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        with torch.no_grad():
            for name, parameter in pl_module.named_parameters():
                local(parameter).copy_(local(self.average[name]))

    def whole_state(self) -> dict[str, Tensor]:
        """The average by the module's names; every process has to ask for it."""
        return {name: whole(value) for name, value in self.average.items()}

    def state_dict(self) -> dict[str, Any]:
        return {"updates": self.updates}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.updates = state_dict["updates"]

    def on_save_checkpoint(
        self, trainer: lightning.Trainer, pl_module: Any, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint["state_dict"] |= {AVERAGE + name: one for name, one in self.average.items()}

    def on_load_checkpoint(
        self, trainer: lightning.Trainer, pl_module: Any, checkpoint: dict[str, Any]
    ) -> None:
        loaded = checkpoint["state_dict"]
        self.average = {name: loaded[AVERAGE + name] for name in self.average}
