"""A finished run, read back by commands that go on from it: its plan, a cell, a step's inputs."""

import json
from pathlib import Path

from experiments.config import ConfigError
from experiments.planning.plan import Cell, Plan, plan_from_json
from experiments.store.steps import Step, Store

FINISHED = "outputs.json"
"""A run has it once its tables are those of its plan."""


def outputs(folder: Path) -> dict[str, str]:
    """The plan and the steps that a run's outputs were made from; ConfigError where none are."""
    try:
        return json.loads((folder / FINISHED).read_text())
    except FileNotFoundError:
        begun = "an unfinished one; run it to its end" if folder.exists() else "none"
        raise ConfigError(f"{folder} must hold a finished run, got {begun}.") from None
    except ValueError:
        raise ConfigError(f"{folder / FINISHED} must be JSON; run it again.") from None


def read_plan(runs: Path, run: str) -> Plan:
    """The plan of a finished run below `runs`; ConfigError if there is none."""
    path = runs / "plans" / outputs(runs / run)["plan"]
    try:
        return plan_from_json(json.loads(path.read_text()))
    except FileNotFoundError:
        raise ConfigError(f"{path} must exist, got no such file; run {run} again.") from None
    except (ValueError, KeyError, TypeError):
        raise ConfigError(f"{path} must be a plan of this version; run {run} again.") from None


def find_cell(plan: Plan, arm: str, seed: int, task: str = "") -> Cell:
    """The cell of an arm and seed, of those that do `task` if one is named; ConfigError names
    those there are."""
    known = {(cell.arm, cell.seed): cell for cell in plan.cells if task in cell.tasks or not task}
    if (arm, seed) not in known:
        listed = ", ".join(f"{one} of seed {other}" for one, other in known)
        raise ConfigError(f"--arm and --seed must be one of {listed}, got {arm} of seed {seed}.")
    return known[arm, seed]


def inputs_of(step: Step, store: Store) -> dict[str, Path]:
    """The finished folders that a step reads; ConfigError for one that is gone."""
    found = {name: store.path(folder) for name, folder in step.inputs.items()}
    if gone := [name for name, path in found.items() if not store.is_done(path.name)]:
        raise ConfigError(f"{gone[0]} must be finished, got no {found[gone[0]]}; run it again.")
    return found
