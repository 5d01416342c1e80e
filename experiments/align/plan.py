"""Prints what a recipe does, what it does otherwise than its paper, and what it costs."""

from dataclasses import asdict

from rich import box
from rich.console import Console
from rich.table import Table

from experiments.align.cost import TuningCost, tuning_cost
from experiments.align.recipe import AlignConfig
from experiments.scaling.hardware import GIB, Fleet
from models.pretrained.unified.opening import blueprint


def print_plan(console: Console, config: AlignConfig, fleet: Fleet) -> None:
    """A checkpoint that lies in a folder is planned by its own config, another by `shape`."""
    form = blueprint(config.checkpoint, config.kind, config.shape)
    cost = tuning_cost(form, config, fleet.count)
    console.print(f"{config.paper}: {config.about}", highlight=False)
    console.print(cost_table(config, cost, fleet))
    console.print(memory_table(cost, fleet))
    for name, value in config.published.items():
        console.print(f"published: {name}: {value}", highlight=False, soft_wrap=True)
    for one in config.deviations:
        console.print(f"otherwise here: {one}", highlight=False, soft_wrap=True)


def cost_table(config: AlignConfig, cost: TuningCost, fleet: Fleet) -> Table:
    shown = {
        "parameters": f"{cost.parameters / 1e9:.2f} G",
        "trained": f"{cost.trainable / 1e9:.2f} G",
        "steps": str(config.train.steps),
        "tokens": f"{cost.tokens / 1e9:.2f} G",
        "FLOPs": f"{cost.flops:.2e}",
        "hours": f"{fleet.hours(cost.flops):.2g}",
    }
    return table(f"Tuning on {fleet.count} x {fleet.name} at {fleet.utilisation:.0%}", shown)


def memory_table(cost: TuningCost, fleet: Fleet) -> Table:
    total = cost.memory.total / GIB
    fits = "" if total < fleet.device.memory_gib else " (does not fit)"
    shown = {name: f"{value / GIB:.1f}" for name, value in asdict(cost.memory).items()}
    title = f"Memory of one device, GiB, of {fleet.device.memory_gib}"
    return table(title, {**shown, "all at once": f"{total:.1f}{fits}"})


def table(title: str, values: dict[str, str]) -> Table:
    """One line under its headings."""
    shown = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1))
    for name in values:
        shown.add_column(name, justify="right", overflow="fold")
    shown.add_row(*values.values())
    return shown
