"""Turns a suite, a preset and seeds into steps with keys, grouped into units that one process runs.

A unit is a cell (an arm with a seed) or artifacts that several cells share. Resolving configs
imports torch, so a plan is cached under the hash of sources and request; a second call reads it,
unless a published checkpoint has changed.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from experiments.checkpoints import checkpoint_names, fingerprint, place_of
from experiments.config import CellConfig, Layer, canonical, digest, dotlist_layer, resolve, select
from experiments.evidence.claims import check_claims, read_claims
from experiments.graph import (
    CONDITIONED_BRACKETS,
    IN_CONTEXT,
    PICTURE_BENCHMARKS,
    PROMPTS,
    RECIPES,
    Kind,
    cell_steps,
    meets_model,
    with_pairs,
)
from experiments.markers import write_json
from experiments.sources import Sources, files_hash
from experiments.steps import Identity, Step, load_function, torch_version
from experiments.suite import HERE, Preset, Suite, load_preset, load_suite, resolve_arm

ARTIFACTS = ("tokenizer", "data", *PROMPTS, "judge")
SHARED = dict.fromkeys(ARTIFACTS, "artifacts")
SHARED |= {f"prompts_{one}": "artifacts" for one in (*PICTURE_BENCHMARKS, IN_CONTEXT)}
SHARED |= dict.fromkeys(("brackets", CONDITIONED_BRACKETS), "brackets")
SHARED |= {"features": "image features"}
STAGE_0 = ("texts", "stage0")


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


def from_files(request: Request, root: Path) -> tuple[Suite, Preset]:
    """The suite and the preset that a request names."""
    return load_suite(request.suite, root), load_preset(request.preset, root)


@dataclass(frozen=True)
class Project:
    """What the runner runs: tests put small fakes here. `schema` names a function that returns a
    Schema, so that nothing imports torch before a config has to be resolved; `load` reads what a
    request names."""

    root: Path = HERE
    schema: str = "experiments.schema:load_schema"
    graph: Callable[[tuple[str, ...]], Mapping[str, Kind]] = cell_steps
    sources: Sources = field(default_factory=Sources)
    load: Callable[[Request, Path], tuple[Suite, Preset]] = from_files


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

    def outside(self, unit: str) -> set[str]:
        """Folders that the unit's steps read and other units write."""
        own = self.units[unit]
        needed = {folder for one in own for folder in self.steps[one].inputs.values()}
        return needed - set(own)

    def devices(self, unit: str) -> int:
        """How many devices the unit's training is spread over."""
        configs = (self.configs[self.steps[one].config] for one in self.units[unit])
        return max(one["execution"]["devices"] for one in configs)


def load_plan(project: Project, request: Request, runs: Path) -> tuple[Plan, Path]:
    """The plan and the file that holds it; built only if what it depends on has changed."""
    identity = [asdict(request), project.sources.everything_hash(), files_hash([project.root])]
    identity += [project.schema, torch_version()]
    path = runs / "plans" / f"{digest(identity)[:16]}.json"
    try:
        plan = plan_from_json(json.loads(path.read_text()))
    except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
        plan = None
    if plan is None or not plan.is_current:
        plan = Planner(project, request).plan()
        write_json(path, asdict(plan))
    return plan, path


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


class Planner:
    """Builds one plan; `steps`, `configs` and `checkpoints` grow as cells are added."""

    def __init__(self, project: Project, request: Request) -> None:
        self.project, self.request = project, request
        self.schema = load_function(project.schema)()
        self.suite, self.preset = project.load(request, project.root)
        self.overrides: Layer = dotlist_layer(request.overrides)
        self.torch = torch_version()
        self.resolved: dict[str, CellConfig] = {}
        self.known: dict[tuple[str, int], Cell] = {}
        self.steps: dict[str, Step] = {}
        self.configs: dict[str, Any] = {}
        self.checkpoints: dict[str, str] = {}

    def plan(self) -> Plan:
        check_claims(read_claims(self.suite.claims), tuple(self.suite.arms))
        arms = self.request.arms or tuple(self.suite.arms)
        cells = tuple(self.cell(arm, seed) for seed in self.request.seeds for arm in arms)
        units = self.units(cells)
        return Plan(
            request=self.request,
            suite=asdict(self.suite.config),
            claims=self.suite.claims,
            claims_hash=self.suite.claims_hash,
            stamp=self.preset.stamp,
            expected_seconds=self.preset.expected_seconds,
            schema=self.project.schema,
            cells=cells,
            steps=self.steps,
            configs=self.configs,
            units=units,
            plateau=self.preset.plateau,
            checkpoints=self.checkpoints,
        )

    def cell(self, arm: str, seed: int) -> Cell:
        if (arm, seed) not in self.known:
            config = dataclasses.replace(self.config(arm), seed=seed)
            values = canonical(config)
            key = digest(values)[:16]
            self.configs[key] = values
            tasks = self.schema.tasks(config)
            steps: dict[str, str] = {}
            graph = self.project.graph(tasks)
            if (pairs := getattr(config, "pairs", None)) and pairs.tasks:
                graph = with_pairs(graph, arm, config, tasks)
            for recipe in recipes(config):
                graph = RECIPES[recipe](dict(graph))
            for name, kind in graph.items():
                inputs = {one: steps[one] for one in kind.inputs}
                if meets_model(name, kind):
                    inputs |= self.needed(arm, seed)
                steps[name] = self.add_step(name, kind, inputs, key)
            inherits = self.suite.arms[arm].inherits
            model = values["model"]["name"]
            self.known[arm, seed] = Cell(arm, seed, model, tuple(tasks), inherits, key, steps)
        return self.known[arm, seed]

    def config(self, arm: str) -> CellConfig:
        if arm not in self.resolved:
            self.resolved[arm] = resolve_arm(
                self.schema, self.suite, self.preset, arm, self.overrides
            )
        return self.resolved[arm]

    def needed(self, arm: str, seed: int) -> dict[str, str]:
        """The trained cells that this arm starts from, by input name."""
        brought = getattr(self.config(arm).model, "brings", ())
        return {
            name: self.cell(other, seed).steps["train"]
            for name, other in self.suite.arms[arm].needs.items()
            if name not in brought
        }

    def add_step(self, name: str, kind: Kind, inputs: Mapping[str, str], config: str) -> str:
        identity = Identity(
            name,
            self.with_contents(select(self.configs[config], kind.parts)),
            inputs,
            self.code(name, kind, config),
            self.request.threads,
            self.request.device,
            self.torch,
        )
        step = Step(name, identity.key, kind.entry, kind.parts, inputs, kind.resumable, config)
        return self.steps.setdefault(step.folder, step).folder

    def with_contents(self, parts: dict[str, Any]) -> dict[str, Any]:
        """Parts of a config, with what the published checkpoints hold that they name."""
        contents: dict[str, str] = {}
        for name in checkpoint_names(parts):
            if place := place_of(name):
                if place not in self.checkpoints:
                    self.checkpoints[place] = fingerprint(Path(place))
                contents[name] = self.checkpoints[place]
        return {**parts, "checkpoints": contents} if contents else parts

    def code(self, name: str, kind: Kind, config: str) -> str:
        """The hash of what a step runs: of the architectures, its own arm's file alone."""
        model = self.configs[config]["model"]["name"]
        modules = (f"models.{model}",) if meets_model(name, kind) else ()
        return self.project.sources.entry_hash(kind.entry, *modules)

    def units(self, cells: Sequence[Cell]) -> dict[str, tuple[str, ...]]:
        """Shared artifacts, then one unit a cell; a step belongs to the first that lists it."""
        units: dict[str, list[str]] = {}
        owned: set[str] = set()
        asked = {cell.label for cell in cells}
        for cell in [*cells, *(one for one in self.known.values() if one.label not in asked)]:
            last = None if cell.label in asked else "train"
            for name, folder in cell.steps.items():
                unit = f"stage 0, seed {cell.seed}" if name in STAGE_0 else SHARED.get(name)
                if folder not in owned:
                    units.setdefault(unit or cell.label, []).append(folder)
                    owned.add(folder)
                if name == last:
                    break
        used = {folder for folders in units.values() for folder in folders}
        self.steps = {folder: step for folder, step in self.steps.items() if folder in used}
        return {name: tuple(folders) for name, folders in units.items()}


def recipes(config: CellConfig) -> list[str]:
    """The recipes that sections of a config name, each once: one may follow from two of them."""
    named = (getattr(section, "recipe", None) for section in vars(config).values())
    return list(dict.fromkeys(recipe for recipe in named if recipe))


def cell_config(plan: Plan, step: Step) -> CellConfig:
    """The full config that a step of the plan runs with."""
    schema = load_function(plan.schema)()
    return resolve(schema, [Layer("the plan", plan.configs[step.config])], step.folder)
