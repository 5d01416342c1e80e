"""The average of what is trained; a frozen model of billions of weights has none.

Lightning's WeightAveraging copies the whole module. The average is left in the module at the end.
"""

from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from models.training import ema_update


class TrainedAverage(Callback):
    """Averages after every step with a decay that warms up to `decay`."""

    def __init__(self, decay: float) -> None:
        self.update, self.updates = ema_update(decay), 0
        self.average: dict[str, Tensor] = {}

    def on_train_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Starts from the weights, or goes on with a checkpoint's average."""
        self.average = {
            name: self.average.get(name, one.detach()).to(one.device, copy=True)
            for name, one in trained(pl_module).items()
        }

    def on_train_batch_end(self, trainer: lightning.Trainer, pl_module: Any, *_: Any) -> None:
        if trainer.global_step == self.updates:
            return  # more parts of this step are to come
        current = [one.detach() for one in trained(pl_module).values()]
        self.update(list(self.average.values()), current, self.updates)
        self.updates = trainer.global_step

    @torch.no_grad()
    def on_train_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        for name, one in trained(pl_module).items():
            one.copy_(self.average[name])

    def state_dict(self) -> dict[str, Any]:
        return {"updates": self.updates, "average": self.average}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.updates, self.average = state_dict["updates"], state_dict["average"]


def trained(module: Any) -> dict[str, Tensor]:
    return {name: one for name, one in module.named_parameters() if one.requires_grad}
