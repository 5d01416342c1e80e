"""The trained cells of a run, each as the model that `tune` left."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.config import ConfigError, view
from experiments.plan import Cell, Plan, cell_config
from experiments.steps import Store

SAMPLED = "curve"
"""A step of every cell that reads all that drawing and answering need."""
TAUGHT = "conditioned"
"""What an arm's prompts were like in training, beyond what that step reads."""


@dataclass(frozen=True)
class TrainedCell:
    """A cell with the config and the finished folders that its model is put together from."""

    cell: Cell
    config: Any
    inputs: Mapping[str, Path]


def trained_cell(plan: Plan, store: Store, arm: str, seed: int) -> TrainedCell:
    """Raises ConfigError for a cell that the run has not, or that is unfinished."""
    cells = {(cell.arm, cell.seed): cell for cell in plan.cells}
    if (arm, seed) not in cells:
        known = ", ".join(f"{one} of seed {other}" for one, other in cells)
        raise ConfigError(f"--arm and --seed must be one of {known}, got {arm} of seed {seed}.")
    cell = cells[arm, seed]
    step = plan.steps[cell.steps[SAMPLED]]
    inputs = {name: store.path(folder) for name, folder in step.inputs.items()}
    if gone := [name for name, path in inputs.items() if not store.is_done(path.name)]:
        raise ConfigError(
            f"{gone[0]} of {cell.label} must be finished, got no {inputs[gone[0]]}; run it again."
        )
    return TrainedCell(cell, view(cell_config(plan, step), (*step.parts, TAUGHT)), inputs)
