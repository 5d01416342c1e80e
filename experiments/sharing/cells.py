"""The trained cells of a run, each as the model that `tune` left."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.config import ConfigError, view
from experiments.planning.finished_runs import find_cell, inputs_of
from experiments.planning.graph import SAMPLER
from experiments.planning.plan import Cell, Plan, cell_config
from experiments.scoring.model import TrainedModel
from experiments.scoring.tune import tuned_sampling
from experiments.store.steps import Store

SAMPLED = "curve"
"""A step of every cell that reads all that drawing and answering need."""
TAUGHT = "conditioned"
"""What an arm's prompts were like in training, beyond what that step reads."""


@dataclass(frozen=True)
class TrainedCell:
    """A cell with the config and the finished folders that its model is put together from."""

    cell: Cell
    config: Any
    inputs: dict[str, Path]

    def model(self) -> TrainedModel:
        """Opens it; its protocol names the step that trained it."""
        model = TrainedModel.of_cell(self.config, self.inputs, tuned_sampling(self.inputs))
        model.checkpoint = self.cell.steps["train"]
        return model


def trained_cell(plan: Plan, store: Store, arm: str, seed: int, task: str = "") -> TrainedCell:
    """The cell of an arm and seed, of those that do `task` if one is named.

    Raises ConfigError for a cell that the run has not, is unfinished, or is of other code.
    """
    cell = find_cell(plan, arm, seed, task)
    step = plan.steps[cell.steps[SAMPLED]]
    if unknown := [part for part in SAMPLER if part not in step.parts]:
        raise ConfigError(
            f"{cell.label} must have been trained by this version, got a config without "
            f"{unknown[0]}; open it with the version that trained it, or run the ablation again."
        )
    config = view(cell_config(plan, step), (*step.parts, TAUGHT))
    return TrainedCell(cell, config, inputs_of(step, store))
