"""The average of what is trained; a frozen model of billions of weights has none.

Lightning's WeightAveraging copies the module, which FSDP2's do not allow; this one keeps tensors,
with the same decay, and leaves the average in the module at the end as that one does. Of sharded
weights each process averages its own part.
"""

from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from models.shards import local, whole
from models.training import ema_update

AVERAGE = "average."
"""What the names of the averaged tensors begin with in a checkpoint."""


class TrainedAverage(Callback):
    """Averages after every step with a decay that warms up to `decay`."""

    def __init__(self, decay: float) -> None:
        self.update, self.updates = ema_update(decay), 0
        self.average: dict[str, Tensor] = {}

    def on_train_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        """Starts from the weights, or goes on with a checkpoint's average."""
        self.average = {
            name: self.average.get(name, one).to(one.device).clone()
            for name, one in trained(pl_module).items()
        }

    def on_train_batch_end(self, trainer: lightning.Trainer, pl_module: Any, *_: Any) -> None:
        if trainer.global_step == self.updates:
            return  # more parts of this step are to come
        ours = [local(one) for one in self.average.values()]
        current = [local(one) for one in trained(pl_module).values()]
        if self.updates:
            self.update(ours, current, self.updates)
        else:
            torch._foreach_copy_(ours, current)
        self.updates = trainer.global_step

    @torch.no_grad()
    def on_train_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        for name, one in trained(pl_module).items():
            local(one).copy_(local(self.average[name]))

    def whole_state(self, module: torch.nn.Module) -> dict[str, Tensor]:
        """The module's parameters, averaged where they are trained; every process has to ask."""
        named = module.named_parameters()
        return {name: whole(self.average.get(name, one.detach())) for name, one in named}

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
        names = [name for name in loaded if name.startswith(AVERAGE)]
        self.average = {name.removeprefix(AVERAGE): loaded[name] for name in names}


def trained(module: torch.nn.Module) -> dict[str, Tensor]:
    """What is trained of a module, without its graph."""
    return {name: one.detach() for name, one in module.named_parameters() if one.requires_grad}
