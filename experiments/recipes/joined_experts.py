"""The step `train` of a stage whose experts come from two cells: UTAMoE's second stage.

    understand (its feed-forward trained alone) ──▶ experts of the group understand, and all else
    generate   (the same, on drawing)           ──▶ experts of the group generate

Both start from one model and train nothing but feed-forwards, so that all else is equal in the two.
Where the shared experts come from is not published: here from `understand`.
"""

from pathlib import Path
from types import SimpleNamespace

import torch

from experiments.build import build_module
from experiments.fitting.fit import Spent
from experiments.parallel.launch import on_ranks
from experiments.recipes.train import Inputs, run_stage
from experiments.training_sequences import training_sequences
from models import TASKS, Task
from models.module import TokenModule


def train(config: SimpleNamespace, inputs: Inputs, out: Path) -> None:
    """Starts from the cells `understand` and `generate`."""
    on_ranks(config.execution, train_joined, out, out, config, inputs)


def train_joined(out: Path, home: Path, config: SimpleNamespace, inputs: Inputs) -> None:
    """What each of the processes does that train the stage."""
    arm = joined(config, inputs)
    data = training_sequences(config, inputs, arm.trained_tasks)
    run_stage(arm, data, config, (out, home), Spent.of_both(inputs))


def joined(config: SimpleNamespace, inputs: Inputs) -> TokenModule:
    """The arm as both cells give it."""
    arm, other = (from_cell(config, inputs, task) for task in TASKS)
    count = config.model.experts
    drawn = [f".experts.{index}." for index in range(count, 2 * count)]
    source = dict(other.named_parameters())
    with torch.no_grad():
        for name, parameter in arm.named_parameters():
            if any(one in name for one in drawn):
                parameter.copy_(source[name])
    return arm


def from_cell(config: SimpleNamespace, inputs: Inputs, task: Task) -> TokenModule:
    module = build_module(config, {**inputs, "start": inputs[task]})
    assert isinstance(module, TokenModule)
    return module
