"""A recipe on the console: what each stage trains, as published and as planned here."""

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from experiments.config import CellConfig
from experiments.recipes.recipe import Recipe

COLUMNS = ("stage", "after", "trains", "schedule", "steps", "sequences a step", "data")


def print_recipe(console: Console, recipe: Recipe, stages: dict[str, CellConfig]) -> None:
    """`stages` maps each stage to its config."""
    console.print(f"{recipe.paper}: {recipe.about}", highlight=False)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1))
    for column in COLUMNS:
        table.add_column(column, overflow="fold")
    for name, config in stages.items():
        after = ", ".join(recipe.stages[name].after.values()) or "stage 0"
        table.add_row(name, after, *planned(config))
    console.print(table)
    for name, stage in recipe.stages.items():
        for key, value in stage.published.items():
            console.print(f"{name}, published {key}: {value}", highlight=False)
    for line in recipe.deviations:
        console.print(f"otherwise than published: {line}", highlight=False)
    for name, stage in recipe.stages.items():
        for line in stage.deviations:
            console.print(f"{name}, otherwise than published: {line}", highlight=False)


def planned(config: CellConfig) -> list[str]:
    """The cells of a stage's row, from `trains` on."""
    stage, train = config.stage, config.train
    groups = [f"{' '.join(one.match)} at {one.rate:g}" for one in stage.groups]
    if stage.lora.rank:
        groups.append(f"LoRA of rank {stage.lora.rank} on {' '.join(stage.lora.match)}")
    schedule = f"{stage.schedule}, warm-up {stage.warmup:.0%}"
    sizes = f"{train.understand_batch} understand, {train.generate_batch} generate"
    return ["; ".join(groups), schedule, str(train.steps), sizes, data_of(config)]


def data_of(config: CellConfig) -> str:
    """The sources of both tasks with their weights."""
    return (
        "; ".join(
            f"{task}: {', '.join(told)}"
            for task in ("understand", "generate")
            if (told := sources_of(config, task))
        )
        or "the world's shares (section data)"
    )


def sources_of(config: CellConfig, task: Any) -> list[str]:
    mixed = [f"{one.source} {one.weight:g}" for one in config.mixture.sources(task)]
    own = [f"{one.form} {one.path} {one.weight:g}" for one in config.pairs.sources(task)]
    return mixed or own
