"""FSDP2 through Lightning, with checkpoints that load on another number of processes.

A checkpoint is a folder: every process writes its part of the weights, of their average and of the
optimiser's state, each tensor by its parameter's name, and reads its part back whatever the number
of processes that wrote them (torch.distributed.checkpoint).
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.strategies import ModelParallelStrategy
from torch import Tensor
from torch.distributed import checkpoint as distributed_checkpoint
from torch.optim import Optimizer

from experiments.config import ConfigError
from experiments.parallel.average import AVERAGE
from experiments.parallel.execution import ExecutionConfig
from models.block_execution import drop_empty_gradients, shard

REST = "meta.pt"
"""What Lightning keeps beside the tensors: loops, schedules, callbacks."""


class ShardedStrategy(ModelParallelStrategy):
    """Shards a module as it is handed over, and its optimiser with it.

    With `frozen_whole`, what is not trained stays whole on every device, in its own precision.
    """

    def __init__(self, devices: int, frozen_whole: bool = False) -> None:
        super().__init__(data_parallel_size=devices, tensor_parallel_size=1)
        self.frozen_whole = frozen_whole

    def setup(self, trainer: lightning.Trainer) -> None:
        module: Any = self.lightning_module
        assert self.accelerator is not None
        self.accelerator.setup(trainer)
        self.model_to_device()
        frozen = {one for one in module.parameters() if not one.requires_grad}
        whole = frozen if self.frozen_whole else set()
        twice = getattr(module, "passed_twice", ())  # which a published model has none of
        shard(module, self.device_mesh["data_parallel"], twice, whole)
        self.barrier()
        self.setup_optimizers(trainer)
        self.setup_precision_plugin()

    def optimizer_state(self, optimizer: Optimizer) -> dict[str, Any]:
        rates = [group["lr"] for group in optimizer.param_groups]
        return {**self.optimizer_tensors(), "rates": torch.tensor(rates)}

    def optimizer_tensors(self) -> dict[str, Tensor]:
        """The optimiser's state by the parameter's name and its own: `a.weight momentum_buffer`."""
        states = [part.state for part in self.optimizer_parts()]
        return {
            f"{name} {key}": value
            for name, parameter in self.named_parameters().items()
            for state in states
            for key, value in state.get(parameter, {}).items()
        }

    def optimizer_parts(self) -> list[Optimizer]:
        """The optimisers that one is made of, or itself."""
        return getattr(self.optimizers[0], "parts", [self.optimizers[0]])

    def named_parameters(self) -> dict[str, torch.nn.Parameter]:
        assert self.lightning_module is not None
        return dict(self.lightning_module.named_parameters())

    def load_checkpoint(
        self, checkpoint_path: str | Path, weights_only: bool | None = None
    ) -> dict[str, Any]:
        path = Path(self.broadcast(checkpoint_path))
        assert self.lightning_module is not None
        named, own = self.named_parameters(), self.lightning_module.state_dict()
        average = {AVERAGE + name: torch.empty_like(one.detach()) for name, one in named.items()}
        kept = kept_names(path)
        saved = {n: one for n, one in {**own, **average}.items() if f"state_dict.{n}" in kept}
        state = {"state_dict": saved, "optimizer_0": self.empty_state(kept)}
        distributed_checkpoint.load(state, checkpoint_id=path)
        self.load_optimizer(state["optimizer_0"])
        rest = torch.load(path / REST, weights_only=False)
        return {**rest, "state_dict": state["state_dict"]}

    def empty_state(self, kept: Collection[str]) -> dict[str, Tensor]:
        """Room for the optimiser's tensors among what a checkpoint holds."""
        named = self.named_parameters()
        room: dict[str, Tensor] = {"rates": torch.empty(len(self.optimizers[0].param_groups))}
        for key in kept:
            owner, _, rest = key.partition(".")
            name, _, kind = rest.partition(" ") if owner == "optimizer_0" else ("", "", "")
            if kind:
                like = named[name].detach()
                room[rest] = torch.zeros(()) if kind == "step" else torch.empty_like(like)
        return room

    def load_optimizer(self, state: Mapping[str, Tensor]) -> None:
        optimizer: Any = self.optimizers[0]
        owners = {
            id(one): part
            for part in self.optimizer_parts()
            for group in part.param_groups
            for one in group["params"]
        }
        named = self.named_parameters()
        for key, value in state.items():
            name, _, kind = key.partition(" ")
            if kind:
                owners[id(named[name])].state[named[name]][kind] = value
        for group, rate in zip(optimizer.param_groups, state["rates"].tolist(), strict=True):
            group["lr"] = rate


def trained_alone(execution: ExecutionConfig) -> Any:
    """Lightning's strategy for a published model: a shard is of what is trained alone."""
    if execution.strategy == "fsdp":
        return ShardedStrategy(execution.devices, frozen_whole=True)
    return "auto" if execution.strategy == "single" else execution.strategy


def check_resume(resume: Path, execution: ExecutionConfig) -> None:
    """Raises ConfigError for a checkpoint that was left by the other strategy."""
    if resume.exists() and resume.is_dir() != (execution.strategy == "fsdp"):
        known = "fsdp" if resume.is_dir() else "ddp, or one process"
        raise ConfigError(f"{resume} must be gone on from by {known}, got {execution.strategy}.")


def kept_names(path: Path) -> Collection[str]:
    """The names of the tensors that a checkpoint holds."""
    return distributed_checkpoint.FileSystemReader(path).read_metadata().state_dict_metadata.keys()


class NoEmptyGradients(lightning.Callback):
    """A parameter that no process has met has no gradient, and is not decayed."""

    def on_before_optimizer_step(
        self, trainer: lightning.Trainer, pl_module: Any, optimizer: Optimizer
    ) -> None:
        drop_empty_gradients(list(pl_module.parameters()))
