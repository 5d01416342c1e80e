"""All figures of one arm's training, from its config alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.artifacts.data import asks_about_picture
from experiments.artifacts.features import picture_flops
from experiments.planning.graph_variants import variants
from experiments.scaling.memory import (
    BF16,
    FP32,
    Memory,
    blueprint,
    cache_bytes,
    training_memory,
)
from experiments.scaling.published import with_planned_trunk
from experiments.scaling.samples import Samples
from experiments.scaling.step_cost import Cost, StepCost
from models import Task
from models.parameters import parameter_count, trainable_count
from models.tokenizers.encoders import open_encoder


@dataclass(frozen=True)
class ArmEstimate:
    """Parameters; FLOPs and tokens of all steps, what a second encoder looks at included; bytes of
    one device and on disk."""

    parameters: int
    trainable: int
    flops: float
    tokens: float
    memory: Memory
    cache: int
    storage: int


def estimate(config: Any) -> ArmEstimate:
    """Of the arm's own training: what it starts from and what scores it are not in it."""
    config = with_planned_trunk(config)
    samples, module = Samples(config), blueprint(config)
    sizes = step_sizes(config)
    cost = StepCost(config, samples, tuple(sizes))
    pieces = {task: size / config.execution.pieces for task, size in sizes.items()}
    count = parameter_count(module)
    per_step = sum(size * samples.tokens(task) for task, size in sizes.items())
    kept = activations(config, cost, samples, pieces)
    return ArmEstimate(
        parameters=count,
        trainable=trainable_count(module),
        flops=step_flops(config, cost, sizes) * config.train.steps + encoder_flops(config),
        tokens=per_step * config.train.steps,
        memory=training_memory(module, config, kept),
        cache=cache_bytes(config),
        storage=FP32 * count * (1 + config.train.checkpoints),
    )


def step_sizes(config: Any) -> dict[Task, float]:
    """Sequences of each task that a step trains on; a bridge's steps only draw, and a stage may
    leave a task without any."""
    draws = config.model.name == "frozen_bridge"
    tasks: tuple[Task, ...] = ("generate",) if draws else config.train.tasks
    return {task: float(size) for task in tasks if (size := config.train.batch(task))}


def encoder_flops(config: Any) -> float:
    """What a second encoder spends on the training pictures, each once (artifacts/features.py)."""
    if "features" not in variants(config) or "understand" not in step_sizes(config):
        return 0.0
    side = config.world.pixels
    blank = np.zeros((side, side, 3), dtype=np.uint8)
    shown = sum(asks_about_picture(config.data, index) for index in range(config.data.scenes))
    return float(shown * picture_flops(open_encoder(config.encoder), blank))


def step_flops(config: Any, cost: StepCost, sizes: dict[Task, float]) -> float:
    """A layer that is computed again is computed forward twice and backward once, of 3 parts."""
    again = cost.layer(sizes) * cost.depth if config.execution.recompute else Cost()
    return cost.at(sizes).flops + again.flops / 3


def activations(config: Any, cost: StepCost, samples: Samples, sizes: dict[Task, float]) -> float:
    """Bytes that a device keeps for the backward pass of a piece; where layers are computed again,
    the states between them and what one layer keeps."""
    if not config.execution.recompute:
        return cost.at(sizes).saved_bytes
    tokens = sum(size * samples.tokens(task) for task, size in sizes.items())
    width = BF16 if config.train.precision.startswith("bf16") else FP32
    states = tokens * config.model.trunk.width * width
    return cost.at_depth(1, sizes).saved_bytes + (cost.depth - 1) * states
