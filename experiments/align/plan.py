"""Prints what a recipe does, what it does otherwise than its paper, and what it costs."""

from rich.console import Console

from experiments.align.cost import tuning_cost
from experiments.align.recipe import AlignConfig
from experiments.parallel.execution import over_processes
from experiments.scaling.hardware import Fleet
from experiments.scaling.tables import print_estimates
from models.pretrained.unified.opening import blueprint


def print_plan(console: Console, config: AlignConfig, fleet: Fleet, strategy: str | None) -> None:
    """A checkpoint that lies in a folder is planned by its own config, another by `shape`; without
    a `strategy` several devices are planned in shards."""
    execution = over_processes(fleet.count, strategy or ("fsdp" if fleet.count > 1 else None))
    form = blueprint(config.checkpoint, config.kind, config.shape)
    found = {config.kind: tuning_cost(form, config, execution)}
    console.print(f"{config.paper}: {config.about}", highlight=False)
    print_estimates(console, found, fleet)
    console.print(f"{config.train.steps} steps; hours at {fleet.utilisation:.0%} of the peak.")
    for name, value in config.published.items():
        console.print(f"published: {name}: {value}", highlight=False, soft_wrap=True)
    for one in config.deviations:
        console.print(f"otherwise here: {one}", highlight=False, soft_wrap=True)
