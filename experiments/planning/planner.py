"""Turns a suite, a preset and seeds into a plan.

Resolving configs imports torch, so a plan is cached under the hash of everything that it depends
on; a second call reads it.
"""

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from experiments.config import (
    CellConfig,
    ConfigError,
    Layer,
    canonical,
    digest,
    dotlist_layer,
    select,
)
from experiments.planning.claims import check_claims, read_claims
from experiments.planning.fingerprints import checkpoint_names, fingerprint, place_of
from experiments.planning.graph import PROMPTS, Kind, cell_steps, meets_model
from experiments.planning.graph_variants import (
    CONDITIONED_BRACKETS,
    IN_CONTEXT,
    PICTURE_BENCHMARKS,
    varied,
)
from experiments.planning.plan import Cell, Plan, Request, plan_from_json
from experiments.planning.sources import Sources, files_hash
from experiments.planning.suite import (
    EXPERIMENTS,
    Preset,
    Suite,
    load_preset,
    load_suite,
    resolve_arm,
)
from experiments.precision import multiplies_bf16, with_precision
from experiments.store.markers import write_json
from experiments.store.steps import Identity, Step, load_function, torch_version

ARTIFACTS = ("tokenizer", "data", *PROMPTS)
SHARED = {**dict.fromkeys(ARTIFACTS, "artifacts"), "judge": "judge"}
SHARED |= {f"prompts_{one}": "artifacts" for one in (*PICTURE_BENCHMARKS, IN_CONTEXT)}
SHARED |= dict.fromkeys(("brackets", CONDITIONED_BRACKETS), "brackets")
SHARED |= {"features": "image features"}
STAGE_0 = ("texts", "stage0")


def from_files(request: Request, root: Path) -> tuple[Suite, Preset]:
    """The suite and the preset that a request names."""
    return load_suite(request.suite, root), load_preset(request.preset, root)


@dataclass(frozen=True)
class Project:
    """What the runner runs: tests put small fakes here. `schema` names a function that returns a
    Schema, so that nothing imports torch before a config has to be resolved; `load` reads what a
    request names."""

    root: Path = EXPERIMENTS
    schema: str = "experiments.schema:load_schema"
    graph: Callable[[tuple[str, ...]], Mapping[str, Kind]] = cell_steps
    sources: Sources = field(default_factory=Sources)
    load: Callable[[Request, Path], tuple[Suite, Preset]] = from_files


def load_plan(project: Project, request: Request, runs: Path) -> tuple[Plan, Path]:
    """The plan and the file that holds it; built only if what it depends on has changed."""
    identity = [asdict(request), project.sources.everything_hash(), files_hash([project.root])]
    identity += [project.schema, torch_version(), multiplies_bf16()]
    path = runs / "plans" / f"{digest(identity)[:16]}.json"
    try:
        plan = plan_from_json(json.loads(path.read_text()))
    except (FileNotFoundError, json.JSONDecodeError, KeyError, TypeError):
        plan = None
    if plan is None or not plan.is_current:
        plan = Planner(project, request).plan()
        write_json(path, asdict(plan))
    return plan, path


class Planner:
    """Builds one plan; `steps`, `configs` and `checkpoints` grow as cells are added."""

    def __init__(self, project: Project, request: Request) -> None:
        self.project, self.request = project, request
        self.schema = load_function(project.schema)()
        self.suite, self.preset = project.load(request, project.root)
        self.overrides: Layer = dotlist_layer(request.overrides)
        if "seed" in self.overrides.values:
            raise ConfigError("command line: seed must be given by --seeds, got an override.")
        self.torch = torch_version()
        self.resolved: dict[str, CellConfig] = {}
        self.known: dict[tuple[str, int], Cell] = {}
        self.steps: dict[str, Step] = {}
        self.configs: dict[str, Any] = {}
        self.checkpoints: dict[str, str] = {}

    def plan(self) -> Plan:
        claims, headline = read_claims(self.suite.claims), self.suite.config.headline
        check_claims(claims, tuple(self.suite.arms), headline)
        arms = self.request.arms or tuple(self.suite.arms)
        cells = tuple(self.cell(arm, seed) for seed in self.request.seeds for arm in arms)
        units = self.units(cells)
        return Plan(
            request=self.request,
            suite=asdict(self.suite.config),
            claims=self.suite.claims,
            claims_hash=self.suite.claims_hash,
            stamp=self.stamp(),
            expected_seconds=self.preset.expected_seconds,
            schema=self.project.schema,
            cells=cells,
            steps=self.steps,
            configs=self.configs,
            units=units,
            plateau=self.preset.plateau,
            checkpoints=self.checkpoints,
        )

    def stamp(self) -> str:
        """What marks every output: the preset's stamp, and what was changed in the preset."""
        changed = ", ".join(self.request.overrides)
        return "; ".join(filter(None, (self.preset.stamp, changed and f"changed: {changed}")))

    def cell(self, arm: str, seed: int) -> Cell:
        if (arm, seed) not in self.known:
            config = dataclasses.replace(self.config(arm), seed=seed)
            values = canonical(config)
            key = digest(values)[:16]
            self.configs[key] = values
            tasks = self.schema.tasks(config)
            steps: dict[str, str] = {}
            graph = varied(self.project.graph(tasks), arm, config, tasks)
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
            config = resolve_arm(self.schema, self.suite, self.preset, arm, self.overrides)
            self.resolved[arm] = with_precision(config, self.request.device)
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
