"""A plan: the steps of an ablation with keys, grouped into units that one process runs.

A unit is a cell (an arm with a seed) or artifacts that several cells share. planner.py makes plans.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from experiments.config import CellConfig, ConfigError, Layer, resolve
from experiments.planning.fingerprints import fingerprint
from experiments.store.steps import Step, load_function


@dataclass(frozen=True)
class Request:
    """What the user asked for. No arms means all of the suite's; `label` gives the results a folder
    of their own; `device` is cpu or cuda; `look` counts the looks of a sequential test, 0 where
    there is one alone."""

    suite: str
    preset: str
    seeds: tuple[int, ...] = (0,)
    arms: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    threads: int = 1
    device: str = "cpu"
    label: str = ""
    look: int = 0

    @property
    def run(self) -> str:
        """The folder of this ablation's results below `runs`."""
        return "-".join(filter(None, (self.suite, self.preset, self.label)))


def read_seeds(text: str) -> tuple[int, ...]:
    """The seeds of `0,1,2`, each once; ConfigError for anything else."""
    try:
        return tuple(dict.fromkeys(int(seed) for seed in text.split(",")))
    except ValueError:
        raise ConfigError(f"--seeds must be whole numbers like 0,1, got {text!r}.") from None


def check_counts(**counts: int) -> None:
    """ConfigError for an option (`jobs=0`) that is below 1."""
    for name, count in counts.items():
        if count < 1:
            raise ConfigError(f"--{name} must be at least 1, got {count}.")


@dataclass(frozen=True)
class Cell:
    """One arm with one seed; `steps` maps step names to folders."""

    arm: str
    seed: int
    architecture: str
    tasks: tuple[str, ...]
    inherits: tuple[str, ...]
    config: str
    steps: Mapping[str, str]

    @property
    def label(self) -> str:
        return f"{self.arm}, seed {self.seed}"


@dataclass(frozen=True)
class Plan:
    """`units` maps a unit's name to the folders of its steps, in order; `plateau` is the preset's
    (experiments/evidence/plateau.py); `checkpoints` holds the fingerprints of the published ones
    that were read, by their places."""

    request: Request
    suite: Mapping[str, Any]
    claims: tuple[Mapping[str, Any], ...]
    claims_hash: str
    stamp: str
    expected_seconds: Mapping[str, float]
    schema: str
    cells: tuple[Cell, ...]
    steps: Mapping[str, Step]
    configs: Mapping[str, Mapping[str, Any]]
    units: Mapping[str, tuple[str, ...]]
    plateau: float | None = None
    checkpoints: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_current(self) -> bool:
        """Whether the checkpoints are those that it was made for."""
        return all(fingerprint(Path(one)) == known for one, known in self.checkpoints.items())

    @property
    def arms(self) -> list[str]:
        """The arms of its cells, each once."""
        return list(dict.fromkeys(cell.arm for cell in self.cells))

    def cells_of(self, arm: str) -> list[Cell]:
        """The arm's cells, one a seed."""
        return [cell for cell in self.cells if cell.arm == arm]

    def outside(self, unit: str) -> set[str]:
        """Folders that the unit's steps read and other units write."""
        own = self.units[unit]
        needed = {folder for one in own for folder in self.steps[one].inputs.values()}
        return needed - set(own)

    def stages_behind(self, folder: str) -> list[str]:
        """Names of a recipe's stages up to the training step `folder`, each once, earlier ones
        first; none of a cell that was trained without stages."""
        step = self.steps[folder]
        earlier = [one for one in step.inputs.values() if self.steps[one].name == "train"]
        names = [name for one in earlier for name in self.stages_behind(one)]
        own = self.configs[step.config].get("stage", {}).get("name", "")
        return list(dict.fromkeys([*names, *([own] if own else [])]))

    def devices(self, unit: str) -> int:
        """How many devices the unit's training is spread over."""
        configs = (self.configs[self.steps[one].config] for one in self.units[unit])
        return max(one["execution"]["devices"] for one in configs)


def plan_from_json(values: dict[str, Any]) -> Plan:
    cells = tuple(
        Cell(**{**one, "tasks": tuple(one["tasks"]), "inherits": tuple(one["inherits"])})
        for one in values.pop("cells")
    )
    steps = {
        folder: Step(**{**one, "parts": tuple(one["parts"])})
        for folder, one in values.pop("steps").items()
    }
    request = {
        key: tuple(one) if isinstance(one, list) else one
        for key, one in values.pop("request").items()
    }
    units = {name: tuple(folders) for name, folders in values.pop("units").items()}
    claims = tuple(values.pop("claims"))
    return Plan(
        **values, request=Request(**request), cells=cells, steps=steps, units=units, claims=claims
    )


def cell_config(plan: Plan, step: Step) -> CellConfig:
    """The full config that a step of the plan runs with."""
    schema = load_function(plan.schema)()
    return resolve(schema, [Layer("the plan", plan.configs[step.config])], step.folder)
