"""What a training step of any arm costs, from steps of a few sequences through one and two layers.

    cost(n sequences, depth) = a + b n + (c + d n) (depth - 1)         for each task

Sequences and layers add up: between one layer and two lies what every further layer costs, between
few sequences and twice as many what a sequence costs. So an arm of any width is measured as it runs
and needs no formula of its own, and a trunk of any depth takes seconds.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from experiments.build import untrained_module
from experiments.config import with_sections
from experiments.flops.counter import flop_counter
from experiments.flops.dry_run import DryRun
from experiments.scaling.memory import is_stage
from experiments.scaling.published import codec_of, vocabulary_of, with_planned_trunk
from experiments.scaling.samples import Samples
from models import Task
from models.batch import Sequences
from models.module import UnifiedModule
from models.staged import StagedModule

FEW = 16
TOKENS = 1800
"""Of the few sequences at most: long ones are few."""


@dataclass(frozen=True)
class Cost:
    """Of one step, forward and backward: FLOPs, and bytes that the backward pass waits for."""

    flops: float = 0.0
    saved_bytes: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.flops + other.flops, self.saved_bytes + other.saved_bytes)

    def __sub__(self, other: "Cost") -> "Cost":
        return self + other * -1

    def __mul__(self, factor: float) -> "Cost":
        return Cost(self.flops * factor, self.saved_bytes * factor)


class StepCost:
    """The cost of an arm's step, as a function of how many sequences of each task it sees.

    A stage may train a part of the layers, so its two depths are such that a fork's halves are
    whole in both: two layers and four.
    """

    def __init__(self, config: Any, samples: Samples, tasks: Sequence[Task]) -> None:
        config = with_planned_trunk(config)
        self.depth = config.model.trunk.depth
        self.few = max(1, min(FEW, int(TOKENS / max(samples.tokens(task) for task in tasks))))
        self.depths = (2, 4) if is_stage(config) else (1, 2)
        self.lines = {
            (task, depth): [
                measured(module, task, samples.sequences(task, count))
                for count in (self.few, 2 * self.few)
            ]
            for depth, module in ((depth, small_module(config, depth)) for depth in self.depths)
            for task in tasks
        }

    def at(self, sizes: Mapping[Task, float]) -> Cost:
        return self.at_depth(self.depth, sizes)

    def layer(self, sizes: Mapping[Task, float]) -> Cost:
        """What one layer more costs, of a fork the mean of both halves."""
        low, high = self.depths
        return (self.counted(high, sizes) - self.counted(low, sizes)) * (1 / (high - low))

    def at_depth(self, depth: int, sizes: Mapping[Task, float]) -> Cost:
        """On the line through the two depths that were measured."""
        low = self.depths[0]
        return self.counted(low, sizes) + self.layer(sizes) * (depth - low)

    def counted(self, depth: int, sizes: Mapping[Task, float]) -> Cost:
        """On each task's line through the two counts that were measured."""
        total = Cost()
        for task, size in sizes.items():
            low, high = self.lines[task, depth]
            total += low + (high - low) * (size / self.few - 1)
        return total


def measured(module: UnifiedModule, task: Task, given: Sequences) -> Cost:
    """The cost of one step on sequences of one task."""
    enabled = module.train_config.precision.startswith("bf16")
    autocast = torch.autocast("cpu", torch.bfloat16) if enabled else nullcontext()
    with DryRun(), flop_counter() as counter, Kept(module) as kept:
        with autocast:
            loss = module.training_step({task: given}, 0)
        loss.backward()
    module.zero_grad(set_to_none=True)
    return Cost(counter.get_total_flops(), kept.bytes)


class Kept(saved_tensors_hooks):
    """Counts what autograd keeps for the backward pass, each piece of memory once; a module's own
    tensors do not count."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__(self.count, lambda tensor: tensor)
        own = (*module.parameters(), *module.buffers())
        self.sizes = {one.untyped_storage()._cdata: 0 for one in own}

    def count(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        self.sizes.setdefault(storage._cdata, storage.nbytes())
        return tensor

    @property
    def bytes(self) -> int:
        return sum(self.sizes.values())

    def __enter__(self) -> "Kept":
        super().__enter__()
        return self


def small_module(config: Any, depth: int) -> UnifiedModule:
    """The arm with so many layers, untrained; a stage's trains what the stage does."""
    changes: dict[str, Any] = {"trunk": replace(config.model.trunk, depth=depth)}
    if hasattr(config.model, "fork_at"):  # keeps the share, whatever the depth
        share = config.model.layers_shared / config.model.trunk.depth
        changes |= {"fork_at": None, "fork_share": share}
    model = replace(config.model, **changes)
    constant = replace(config.train.interaction, targets="published")
    train = replace(config.train, interaction=constant)
    with DryRun():
        arm = arm_module(with_sections(config, model=model, train=train))
        return StagedModule(arm, config.stage, 0) if is_stage(config) else arm


def arm_module(config: Any) -> UnifiedModule:
    """The arm as it is drawn, around a tokenizer that has learnt nothing."""
    codec = codec_of(config.tokenizer)
    return untrained_module(config, vocabulary_of(config, codec), codec, 0)
