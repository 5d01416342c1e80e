"""`python -m experiments probe`: look into the trained cells of a run.

What a cell's step `probe_*` has written is shown as it is; an unfinished one, or an earlier
checkpoint, is looked at now and written below the run's folder `probes`.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.probes.tables import (
    NOTE,
    Tables,
    observations,
    read_table,
    reasons,
    write_tables,
)
from experiments.config import ConfigError, view
from experiments.options import run_options, seed_option
from experiments.planning.finished_runs import inputs_of, read_plan
from experiments.planning.plan import Cell, Plan, cell_config
from experiments.probing.distances import DISTANCES, interaction_distances
from experiments.store.steps import Store, load_function

PROBES = ("alignment", "interaction", "gradients", "routing")
FINAL = "model"
"""The averaged weights at the end of training; others are named as in `checkpoints/`."""


def chosen_cells(plan: Plan, arms: Sequence[str], seed: int) -> list[Cell]:
    """The cells of a seed, all arms by default; ConfigError names those there are."""
    known = {cell.arm: cell for cell in plan.cells if cell.seed == seed}
    wanted = arms or list(known)
    if unknown := [arm for arm in wanted or ["any arm"] if arm not in known]:
        there = "; ".join(cell.label for cell in plan.cells)
        raise ConfigError(f"--arm and --seed must be among {there}, got {unknown[0]}, seed {seed}.")
    return [known[arm] for arm in wanted]


def look(probe: str, plan: Plan, cell: Cell, store: Store, checkpoint: str, out: Path) -> Path:
    """The folder with a probe's files on a cell."""
    if f"probe_{probe}" not in cell.steps:
        raise ConfigError(f"{cell.label} must have been planned with probes; run it again.")
    step = plan.steps[cell.steps[f"probe_{probe}"]]
    if checkpoint == FINAL and store.is_done(step.folder):
        return store.path(step.folder)
    inputs = inputs_of(step, store)
    weights = f"{FINAL}.pt" if checkpoint == FINAL else f"checkpoints/{checkpoint}.pt"
    if not (inputs["train"] / weights).is_file():
        there = sorted(path.stem for path in (inputs["train"] / "checkpoints").glob("*.pt"))
        raise ConfigError(
            f"--checkpoint must be one of {', '.join([FINAL, *there])}, got {checkpoint!r}."
        )
    folder = out / f"{cell.arm}-{cell.seed}-{checkpoint}"
    folder.mkdir(parents=True, exist_ok=True)
    load_function(step.entry)(view(cell_config(plan, step), step.parts), inputs, folder, weights)
    return folder


def require_applies(probe: str, tables: Tables) -> None:
    """Raises ConfigError with the reasons where the probe applies to no arm."""
    if not any(observations(rows) for rows in tables.values()):
        raise ConfigError(
            f"probe {probe} must be asked of an arm that has it, got {'; '.join(reasons(tables))}."
        )


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m experiments probe")
    parser.add_argument("probe", choices=PROBES)
    run_options(parser)
    parser.add_argument("--arm", default="", help="comma-separated; all arms by default")
    seed_option(parser)
    parser.add_argument(
        "--checkpoint", default=FINAL, help="such as step-000300 (default: the end)"
    )
    parser.add_argument("--out", type=Path, help="folder to write (default: RUNS/RUN/probes)")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    options = parsed(arguments)
    plan, store = read_plan(options.runs, options.run), Store(options.runs)
    out = (options.out or options.runs / options.run / "probes") / options.probe
    asked = [arm for arm in options.arm.split(",") if arm]
    tables = {}
    for cell in chosen_cells(plan, asked, options.seed):
        try:
            folder = look(options.probe, plan, cell, store, options.checkpoint, out)
        except ValueError as error:
            raise ConfigError(f"probe {options.probe} of {cell.label}: {error}") from error
        tables[cell.arm] = read_table(folder / f"{options.probe}.csv")
        print(f"{cell.label}: {folder}")
    require_applies(options.probe, tables)
    if options.probe == "interaction":
        about = {"seed": options.seed, "checkpoint": options.checkpoint}
        rows = interaction_distances(plan, options.seed, tables)
        found = rows or [{NOTE: "none of the arms asked for stands beside a control of its task"}]
        name = f"{DISTANCES}-{options.seed}-{options.checkpoint}"
        write_tables({name: [{**about, **row} for row in found]}, out)
        for row in rows:
            print(f"{row['arm']:20} {row['task']:10} {row['distance']:.4f}")
    return 0
