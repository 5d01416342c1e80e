"""Prints what a plan's arms take on named devices: `… plan --devices 8xh100`."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from experiments.config import ConfigError, with_sections
from experiments.planning.plan import Plan, cell_config
from experiments.scaling.estimate import ArmEstimate, estimate, step_sizes
from experiments.scaling.hardware import GIB, Fleet
from experiments.scaling.published import taken_from_record


def print_scaling(console: Console, plan: Plan, fleet: Fleet) -> None:
    """Two tables, with a line for each arm that is trained."""
    arms = {
        cell.arm: on_fleet(cell_config(plan, plan.steps[cell.steps["train"]]), fleet)
        for cell in plan.cells
        if cell.seed == plan.request.seeds[0]
    }
    found = {arm: estimate(config) for arm, config in arms.items() if is_trained(config)}
    print_estimates(console, found, fleet)
    if known := sorted({name for one in arms.values() for name in taken_from_record(one)}):
        console.print(f"Sizes of {', '.join(known)} as published; nothing was fetched.")
    console.print(
        f"Hours at {fleet.utilisation:.0%} of {fleet.device.peak_flops / 1e12:.0f} TFLOP/s a "
        "device; each arm's own training, without stage 0 and scoring. docs/scaling.md says how "
        "these figures come about."
    )


def print_estimates(console: Console, found: dict[str, ArmEstimate], fleet: Fleet) -> None:
    """Training and memory, with a line for each of what is named."""
    console.print(training_table(found, fleet))
    console.print(memory_table(found, fleet))


def is_trained(config: Any) -> bool:
    """A merged arm takes no step of its own."""
    return getattr(config.model, "variant", "") != "merge"


def on_fleet(config: Any, fleet: Fleet) -> Any:
    """The config with the fleet's devices, by ddp where it names no strategy for several.

    Raises ConfigError where a step's batch cannot be cut into as many pieces.
    """
    execution = config.execution
    spread = execution.strategy if execution.strategy != "single" or fleet.count == 1 else "ddp"
    execution = replace(execution, devices=fleet.count, strategy=spread)
    for task, size in step_sizes(config).items():
        if size % execution.pieces:
            raise ConfigError(
                f"train.{task}_batch must be a multiple of {execution.pieces}, the devices times "
                f"execution.accumulate, got {size:.0f}."
            )
    return with_sections(config, execution=execution)


def training_table(arms: dict[str, ArmEstimate], fleet: Fleet) -> Table:
    columns = ("parameters", "trained", "FLOPs", "tokens", "hours", "disk, GiB")
    table = table_of_arms(f"Training on {fleet.count} x {fleet.name}", columns)
    for arm, one in arms.items():
        table.add_row(
            arm,
            f"{one.parameters / 1e6:.2f} M",
            f"{one.trainable / 1e6:.2f} M",
            f"{one.flops:.2e}",
            f"{one.tokens / 1e6:.1f} M",
            f"{fleet.hours(one.flops):.2g}",
            f"{one.storage / GIB:.2f}",
        )
    return table


def table_of_arms(title: str, columns: Sequence[str]) -> Table:
    """A table that shows every arm's name whole, however narrow the terminal is."""
    table = Table(title=title, box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1))
    table.add_column("arm", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="right", overflow="fold")
    return table


def memory_table(arms: dict[str, ArmEstimate], fleet: Fleet) -> Table:
    """GiB of one device; the cache is needed when drawing, not when training."""
    parts = list(asdict(next(iter(arms.values())).memory)) if arms else []
    title = f"Memory of one device, GiB, of {fleet.device.memory_gib}"
    table = table_of_arms(title, (*parts, "all at once", "cache"))
    for arm, one in arms.items():
        total = one.memory.total / GIB
        fits = "" if total < fleet.device.memory_gib else " (does not fit)"
        shown = [f"{value / GIB:.2f}" for value in asdict(one.memory).values()]
        table.add_row(arm, *shown, f"{total:.2f}{fits}", f"{one.cache / GIB:.2f}")
    return table
