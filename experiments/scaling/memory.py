"""What one device holds while an arm is trained, and while it draws.

Weights, gradients and the optimiser's state are in fp32 and counted tensor by tensor on a module
that has no memory of its own; activations come from step_cost.py.
"""

from collections.abc import Callable
from dataclasses import astuple, dataclass
from typing import Any

import torch
from torch import nn

from experiments.parallel.execution import ExecutionConfig
from experiments.scaling.published import codec_of, is_tied, vocabulary_of, with_planned_trunk
from models.architectures import architecture
from models.block_execution import blocks
from models.cached_decoding import ROOM
from models.frozen_bridge import FrozenBridge
from models.module import TokenModule
from models.parameters import parameter_count, trainable_count
from models.shared import Shared, SharedConfig
from models.staged import apply_stage
from models.token_models import token_model
from models.training import freeze, is_block_matrix

FP32, BF16 = 4, 2


@dataclass(frozen=True)
class Memory:
    """Bytes of one device. `exchange` is what processes need beside: buckets of gradients (ddp), or
    the blocks that are whole while they run (fsdp)."""

    weights: float
    gradients: float
    optimizer: float
    average: float
    exchange: float
    activations: float

    @property
    def total(self) -> float:
        """All at once: what is certainly enough."""
        return sum(astuple(self))


def blueprint(config: Any) -> nn.Module:
    """The arm's module without memory: names and shapes alone."""
    kind: Any = architecture(config.model.name).module
    config, codec = with_planned_trunk(config), codec_of(config.tokenizer)
    known, latents = vocabulary_of(config, codec), codec.latents()
    tied = is_tied(config)
    with torch.device("meta"):
        if issubclass(kind, TokenModule):
            model = kind.around(kind.trunk_class(config.model), known)
            freeze(model.trunk, config.train.frozen)
        else:
            text = token_model(Shared(SharedConfig(trunk=config.model.trunk)), known)
            if tied:
                text.text_head.weight = text.embedding.text.weight
            model = FrozenBridge(config.model, text, latents)
    if is_stage(config):
        apply_stage(nn.ModuleDict({"model": model}), config.stage, 0)
    return model


def is_stage(config: Any) -> bool:
    """Whether a stage of a recipe says what is trained."""
    return bool(getattr(getattr(config, "stage", None), "groups", ()))


def training_memory(module: nn.Module, config: Any, activations: float) -> Memory:
    """`activations` is what one device keeps for the backward pass."""
    execution: ExecutionConfig = config.execution
    is_sharded = execution.strategy == "fsdp"
    parts = execution.devices if is_sharded else 1
    trained = [(n, p) for n, p in module.named_parameters() if p.requires_grad]
    gradients = FP32 * trainable_count(module)
    weights = FP32 * parameter_count(module)
    with_muon = config.train.optimizer == "muon"
    states = [(1 if with_muon and is_block_matrix(n, p) else 2) * p.numel() for n, p in trained]
    return Memory(
        weights=weights / parts,
        gradients=gradients / parts,
        optimizer=FP32 * sum(states) / parts,
        average=(gradients if is_sharded else weights) / parts,  # in shards, of what is trained
        exchange=exchanged(module, execution, gradients),
        activations=activations,
    )


def exchanged(
    module: nn.Module,
    execution: ExecutionConfig,
    gradients: float,
    count: Callable[[nn.Module], int] = parameter_count,
) -> float:
    """`count` counts what is in shards: all parameters, or those that are trained."""
    if execution.strategy == "ddp":
        return gradients
    if execution.strategy == "single":
        return 0.0
    sizes = [FP32 * count(block) for block in blocks(module)]
    outside = FP32 * count(module) - sum(sizes)
    return outside + 3 * max(sizes)  # the block that runs, the next one, and a block's gradients


def cache_bytes(config: Any) -> int:
    """Keys and values of one chunk of pictures that are drawn, with guidance; of a bridge, of the
    prompts."""
    trunk, sampling = with_planned_trunk(config).model.trunk, config.sampling
    codes = codec_of(config.tokenizer).config.tokens_per_image
    drawn = 0 if config.model.name == "frozen_bridge" else codes
    slots = -(-(sampling.prompt_length + drawn) // ROOM) * ROOM if drawn else sampling.prompt_length
    rows = sampling.chunk * (1 if sampling.guidance == 1 else 2)
    return 2 * BF16 * trunk.depth * trunk.kv_heads * trunk.head_width * slots * rows
