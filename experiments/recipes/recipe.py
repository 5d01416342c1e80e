"""A recipe: the stages of a paper's training, read from papers/<name>.yaml and made into a suite.

    paper: UniFork (arXiv 2506.17202)
    about: one sentence
    deviations: [what all stages do otherwise than the paper]
    config: {model: {name: unifork}}                 # sections of every stage
    sizes: {smoke: {...}, published: {...}}          # the same, by preset
    stages:
      alignment:
        published: {learning rate: 1e-4}             # what the paper states
        deviations: [what this stage does otherwise]
        config: {stage: {groups: [...]}}
        sizes: {cpu: {train: {steps: 300}}}
      joint:
        after: {start: alignment}                    # where its weights come from; else stage 0

A stage is an arm whose training starts from another arm's: the suite's machinery gives it keys,
resumes it and skips what is finished. The last stage is the one that is scored. Layers: preset,
`config`, `sizes`, the stage's `config`, its `sizes`, command line: what a paper states, no preset
changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import MISSING, OmegaConf

from experiments.config import ConfigError, Layer
from experiments.planning.plan import Request
from experiments.planning.suite import (
    EXPERIMENTS,
    Arm,
    Preset,
    Suite,
    SuiteConfig,
    check_known,
    load_preset,
)
from experiments.structured import read_structured

PAPERS = Path(__file__).parent / "papers"
PUBLISHED = "published"
"""The preset of a paper's own sizes, which is for planning."""
PREFIX = "recipe-"
HEADLINE = {
    "understand": ["vqa.overall.unseen", "vqa.overall.seen"],
    "generate": [
        *("geneval.overall.unseen", "geneval.overall.seen", "geneval.single_object.seen"),
        *("dpg.overall", "wise.overall", "mjhq.fd"),
    ],
}


@dataclass(frozen=True, kw_only=True)
class StageEntry:
    """`after` maps an input of the stage's training to the stage whose weights it is; `published`
    and `deviations` are for readers."""

    after: dict[str, str] = field(default_factory=dict)
    published: dict[str, Any] = field(default_factory=dict)
    deviations: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    sizes: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    paper: str = MISSING
    about: str = MISSING
    deviations: list[str] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    sizes: dict[str, Any] = field(default_factory=dict)
    stages: dict[str, StageEntry] = field(default_factory=dict)

    @property
    def last(self) -> str:
        return list(self.stages)[-1]


def recipe_names() -> list[str]:
    return sorted(path.stem for path in PAPERS.glob("*.yaml"))


def load_recipe(name: str, papers: Path = PAPERS) -> Recipe:
    """Raises ConfigError that names file, field and rule."""
    check_known(papers, "recipe", name)
    source = f"papers/{name}.yaml"
    recipe = read_structured(Recipe, papers / f"{name}.yaml", source)
    check_stages(recipe, source)
    return recipe


def check_stages(recipe: Recipe, source: str) -> None:
    """Raises ConfigError unless there are stages, each after earlier ones and before the last, and
    sizes of presets."""
    if not recipe.stages:
        raise ConfigError(f"{source}: stages must hold a stage, got none.")
    earlier: list[str] = []
    for name, stage in recipe.stages.items():
        for needed, before in stage.after.items():
            if before not in earlier:
                known = ", ".join(earlier) or "none"
                raise ConfigError(
                    f"{source}: stages.{name}.after.{needed} must name an earlier stage "
                    f"(there are: {known}), got {before!r}."
                )
        earlier.append(name)
    followed = {recipe.last}.union(*(stage.after.values() for stage in recipe.stages.values()))
    if unused := [name for name in recipe.stages if name not in followed]:
        raise ConfigError(
            f"{source}: stages.{unused[0]} must be named by a later stage's after: "
            f"only the last stage, {recipe.last}, is scored."
        )
    known = (*sorted(path.stem for path in (EXPERIMENTS / "presets").glob("*.yaml")), PUBLISHED)
    for sizes in (recipe.sizes, *(stage.sizes for stage in recipe.stages.values())):
        if unknown := set(sizes) - set(known):
            raise ConfigError(
                f"{source}: sizes.{min(unknown)} must name a preset of {', '.join(known)}."
            )


def recipe_suite(name: str, recipe: Recipe, preset: str) -> Suite:
    """The suite whose arms are the stages, with the sizes of a preset."""
    source = f"papers/{name}.yaml"
    arms = {
        stage: Arm(stage, Layer(source, stage_values(recipe, stage, preset)), entry.after, ())
        for stage, entry in recipe.stages.items()
    }
    config = SuiteConfig(
        question=f"{recipe.paper}: {recipe.about}",
        control=recipe.last,
        varies=sorted({section for arm in arms.values() for section in arm.layer.values}),
        headline=HEADLINE,
    )
    return Suite(PREFIX + name, config, Layer(source, {}), arms, (), "")


def stage_values(recipe: Recipe, name: str, preset: str) -> Mapping[str, Any]:
    """What a stage sets above the preset, its own name among it."""
    stage = recipe.stages[name]
    layers = (
        recipe.config,
        recipe.sizes.get(preset, {}),
        stage.config,
        stage.sizes.get(preset, {}),
        {"stage": {"name": name}},
    )
    values = OmegaConf.to_container(OmegaConf.merge(*layers))
    assert isinstance(values, dict)
    return {str(key): value for key, value in values.items()}


def recipe_preset(name: str, recipe: Recipe) -> Preset:
    """One of the presets of all suites, or the paper's own sizes."""
    if name != PUBLISHED:
        return load_preset(name)
    if PUBLISHED not in recipe.sizes:
        raise ConfigError("sizes.published must be given for preset published, got nothing.")
    return Preset(name, Layer(PUBLISHED, {}), {}, "planned, not run", {})


def load(request: Request, root: Path = PAPERS) -> tuple[Suite, Preset]:
    """What `Project.load` gives for a recipe; `root` holds the papers."""
    name = request.suite.removeprefix(PREFIX)
    recipe = load_recipe(name, root)
    return recipe_suite(name, recipe, request.preset), recipe_preset(request.preset, recipe)
