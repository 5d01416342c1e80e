"""A recipe on the console: what each stage does here, as published, and where the two differ."""

from collections.abc import Iterator, Mapping

from rich.console import Console

from experiments.config import CellConfig
from experiments.recipes.recipe import Recipe
from models import TASKS, Task

COLUMN = 12


def print_recipe(console: Console, recipe: Recipe, stages: Mapping[str, CellConfig]) -> None:
    """`stages` maps each stage to its config."""
    show(console, f"{recipe.paper}: {recipe.about}.")
    for line in recipe.deviations:
        show(console, line, "differs")
    for name, config in stages.items():
        entry = recipe.stages[name]
        after = " and ".join(entry.after.values()) or "stage 0"
        show(console, f"\n{name}, after {after}")
        for title, text in planned(config):
            show(console, text, title)
        for key, value in entry.published.items():
            show(console, f"{key}: {value}", "published")
        for line in entry.deviations:
            show(console, line, "differs")


def show(console: Console, text: str, title: str = "") -> None:
    """One fact, behind its title if it has one."""
    before = f"  {title:{COLUMN}}" if title else ""
    console.print(before + text, highlight=False, markup=False, soft_wrap=True)


def planned(config: CellConfig) -> Iterator[tuple[str, str]]:
    """What a stage's config says of its training."""
    stage, train = config.stage, config.train
    for group in stage.groups:
        yield "trains", f"{' '.join(group.match)} at {stage.rate_scale * group.rate:g}"
    if stage.lora.rank:
        yield "LoRA", f"rank {stage.lora.rank}, on {' '.join(stage.lora.match)}"
    yield "schedule", f"{stage.schedule}, warm-up {stage.warmup:g}"
    sizes = f"{train.understand_batch} to understand and {train.generate_batch} to generate"
    yield "steps", f"{train.steps} of {sizes}"
    for task in TASKS:
        if told := sources(config, task):
            yield "data", f"{task}: {told}"


def sources(config: CellConfig, task: Task) -> str:
    """The sources of a task with their weights; nothing where they are the world's shares."""
    mixed = [f"{one.source} {one.weight:g}" for one in config.mixture.sources(task)]
    own = [f"{one.form} {one.path} {one.weight:g}" for one in config.pairs.sources(task)]
    return ", ".join(mixed or own)
