"""`python -m experiments perf-interaction`: what the interaction loss adds to a training step.

Four steps of `shared` at each head width, alternated: without the loss, with it, with the masses as
an indicator column of the values in PyTorch's fused kernel (what CUDA runs), and with the whole
attention map held by autograd, as eager attention does it.
"""

import argparse
from collections.abc import Callable
from dataclasses import replace
from unittest.mock import patch

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from experiments.perf.training import TRAIN, TRUNK, Bench, alternate, training_step
from experiments.planning.plan import check_counts
from models import attention_mass
from models.attention_mass import fused_attention_mass
from models.causal_attention import causal_mask
from models.interaction_loss import InteractionConfig
from models.module import SharedModule
from models.shared import SharedConfig

HEAD_WIDTHS = (32, 64, 128)
LIMIT = 1.15
"""How many times a step without the loss one with it may take."""

WITH_LOSS = replace(
    TRAIN, interaction=InteractionConfig(understand_weight=40.0, generate_weight=40.0)
)


def whole_map(query: Tensor, key: Tensor, value: Tensor, marked: Tensor) -> tuple[Tensor, Tensor]:
    """Attention and masses from the full map `[b h n n]`, gradients by autograd."""
    mask = causal_mask(query.shape[-2], query.device, query.dtype)
    logits = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5 + mask
    attention = torch.softmax(logits, dim=-1)
    return attention @ value, (attention * marked[:, None, None]).sum(-1)


def candidates(bench: Bench, width: int) -> dict[str, Callable[[], object]]:
    """The four steps with heads of `width` channels."""
    heads = TRUNK.width // width
    config = SharedConfig(trunk=replace(TRUNK, heads=heads, kv_heads=heads))

    def step(train: object) -> Callable[[], None]:
        return training_step(SharedModule(config, bench.vocabulary, train, 0), bench.batch)

    def instead(way: Callable[..., object]) -> Callable[[], None]:
        run = step(WITH_LOSS)

        def replaced() -> None:
            with patch.object(attention_mass, "causal_attention_mass", way):
                run()

        return replaced

    return {
        "without": step(TRAIN),
        "with the loss": step(WITH_LOSS),
        "indicator column, fused kernel": instead(fused_attention_mass),
        "whole map": instead(whole_map),
    }


def measure(bench: Bench, console: Console) -> dict[int, float]:
    """Prints the table; returns the ratio of a step with the loss by head width."""
    table = Table("head width", "step", "seconds", "to without", title="Interaction loss")
    ratios = {}
    for width in HEAD_WIDTHS:
        found = alternate(bench.rounds, candidates(bench, width))
        for name, seconds in found.items():
            table.add_row(str(width), name, f"{seconds:.3f}", f"{seconds / found['without']:.2f}")
        ratios[width] = found["with the loss"] / found["without"]
    console.print(table)
    return ratios


def main(arguments: list[str]) -> int:
    """Print the times; 1 if a step with the loss is above its limit."""
    parser = argparse.ArgumentParser(prog="python -m experiments perf-interaction")
    parser.add_argument("--threads", type=int, default=1, help="1 is what a cell runs with")
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args(arguments)
    check_counts(**vars(options))
    torch.set_num_threads(options.threads)
    ratios = measure(Bench.build(options.rounds), Console())
    return int(max(ratios.values()) > LIMIT)
