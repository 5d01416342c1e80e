"""What tuning a published model costs, from its sizes alone.

The module is built without memory; parameters, weights, gradients and the optimiser's state are
counted on it. FLOPs and activations follow from the layers' matrices and the length of a sequence:

    layers      2 FLOPs a weight and token forwards, 4 backwards, 2 more where all is recomputed
    attention   4 FLOPs a channel for each pair of positions that causal attention has, alike
    head        as layers, of the predicted tokens alone
    encoder     the image's own encoder, forwards, counted operation by operation
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from experiments.align.recipe import AlignConfig
from experiments.config import ConfigError
from experiments.flops.counter import flop_counter
from experiments.parallel.execution import ONE_DEVICE, ExecutionConfig
from experiments.scaling.estimate import ArmEstimate
from experiments.scaling.memory import BF16, FP32, Memory, exchanged
from models import Task
from models.parameters import parameter_count, trainable_count
from models.pretrained.unified.form import UnifiedForm
from models.pretrained.unified.token_loss import CHUNK

LOSS_COPIES = 3
"""Logits of predicted tokens: as they are, in fp32, and their gradient."""


@dataclass(frozen=True)
class Sequence:
    """Tokens of one sequence of a task, and how many of them the loss predicts."""

    tokens: int
    predicted: int


def tuning_cost(
    form: UnifiedForm, config: AlignConfig, execution: ExecutionConfig = ONE_DEVICE
) -> ArmEstimate:
    """Several devices share a step's batch, and under fsdp all that is trained.

    Raises ConfigError where the devices do not divide a batch.
    """
    for task in config.train.tasks:
        if (size := config.train.batch(task)) % execution.devices:
            raise ConfigError(
                f"train.{task}_batch must be a multiple of the {execution.devices} devices, "
                f"got {size}."
            )
    rows = {task: sequence(form, config, task) for task in config.train.tasks}
    flops = sum(
        config.train.batch(task) * sequence_flops(form, config, task, row)
        for task, row in rows.items()
    )
    tokens = sum(config.train.batch(task) * row.tokens for task, row in rows.items())
    return ArmEstimate(
        parameters=parameter_count(form.model),
        trainable=trainable_count(form.model),
        flops=flops * config.train.steps,
        tokens=tokens * config.train.steps,
        memory=memory(form, config, rows, execution),
        cache=0,
        storage=weight_bytes(config) * parameter_count(form.model),
    )


def weight_bytes(config: AlignConfig) -> int:
    return BF16 if config.train.precision == "bf16-true" else FP32


def sequence(form: UnifiedForm, config: AlignConfig, task: Task) -> Sequence:
    """An image and the words that the recipe reckons with; all words are taken as an answer's."""
    image, words = form.image_length(config.pixels), config.words[task]
    return Sequence(image + words, words if task == "understand" else image)


def sequence_flops(form: UnifiedForm, config: AlignConfig, task: Task, row: Sequence) -> float:
    """FLOPs of one sequence, forwards and backwards."""
    passes = 4 if config.train.recompute else 3
    layers = 2 * row.tokens * parameter_count(form.decoder.layers)
    pairs = row.tokens * (row.tokens + 1) / 2
    attention = 4 * pairs * form.depth * form.decoder.layers[0].self_attn.o_proj.in_features
    head = 2 * row.predicted * parameter_count(form.head(task))
    return passes * (layers + attention + head) + encoder_flops(form, config.pixels, task)


def encoder_flops(form: UnifiedForm, pixels: int, task: Task) -> float:
    """FLOPs of the frozen encoder that a task's image passes."""
    image = torch.empty(1, 3, pixels, pixels, device=form.model.device)
    with flop_counter() as counter, torch.no_grad():
        form.encode(task, image)
    return counter.get_total_flops()


def memory(
    form: UnifiedForm, config: AlignConfig, rows: dict[Task, Sequence], execution: ExecutionConfig
) -> Memory:
    """All tensors in fp32 unless the precision is bf16-true; activations in bf16 unless it is
    32-true. Both tasks' are there at once, but for logits that are recomputed: one chunk's are."""
    width, learns = weight_bytes(config), trainable_count(form.model)
    trained, frozen = width * learns, width * (parameter_count(form.model) - learns)
    shards = execution.devices if execution.strategy == "fsdp" else 1
    exchange = exchanged(form.model, execution, FP32 * learns, trainable_count)
    batches = {task: config.train.batch(task) / execution.devices for task in rows}
    kept = sum(size * activation_bytes(form, config, rows[task]) for task, size in batches.items())
    logits = [
        logit_bytes(form, task, batches[task] * row.predicted, config.train.recompute)
        for task, row in rows.items()
    ]
    return Memory(
        weights=frozen + trained / shards,
        gradients=trained / shards,
        optimizer=2 * trained / shards,
        average=0.0,
        exchange=exchange * width / FP32,
        activations=kept + (max(logits) if config.train.recompute else sum(logits)),
    )


def logit_bytes(form: UnifiedForm, task: Task, predicted: float, recompute: bool) -> float:
    """Of a device's predicted tokens of a step; recomputed, of one chunk."""
    there = min(predicted, CHUNK) if recompute else predicted
    return LOSS_COPIES * there * head_width(form.head(task)) * FP32


def activation_bytes(form: UnifiedForm, config: AlignConfig, row: Sequence) -> float:
    """What one sequence keeps for the backward pass, without its logits.

    Of a layer: what its two norms, its matrices, attention and the product of the feed-forward's
    halves read. Where layers are recomputed, the states between them and the inside of one.
    """
    width = FP32 if config.train.precision == "32-true" else BF16
    layer: Any = form.decoder.layers[0]
    states = layer.mlp.down_proj.out_features
    heads = 2 * layer.self_attn.o_proj.in_features  # queries and what is mixed
    keys = 2 * layer.self_attn.k_proj.out_features
    inside = row.tokens * (4 * states + heads + keys + 4 * layer.mlp.down_proj.in_features)
    between = row.tokens * states
    layers = inside + form.depth * between if config.train.recompute else form.depth * inside
    return float(width * layers)


def head_width(head: nn.Module) -> int:
    """How many tokens a head chooses among."""
    last = [one for one in head.modules() if isinstance(one, nn.Linear)][-1]
    return last.out_features
