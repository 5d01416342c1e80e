"""`python -m experiments export-model`: an arm of a run as a folder that stands alone."""

import argparse
from pathlib import Path

from experiments.config import ConfigError
from experiments.evidence.collect import gather
from experiments.options import cell_options
from experiments.planning.finished_runs import read_plan
from experiments.sharing.cells import trained_cell
from experiments.sharing.exported import save_arm
from experiments.sharing.model_card import model_card
from experiments.store.markers import write_text
from experiments.store.steps import Store

CARD = "README.md"


def export_model(runs: Path, run: str, arm: str, seed: int, out: Path) -> None:
    """Writes the folder; raises ConfigError where it holds something or the cell is unfinished."""
    if out.is_file() or (out.exists() and any(out.iterdir())):
        raise ConfigError(f"--out must be a new or empty folder, got {out}.")
    plan, store = read_plan(runs, run), Store(runs)
    trained = trained_cell(plan, store, arm, seed)
    try:
        save_arm(trained.model(), trained.config, out)
        write_text(out / CARD, model_card(gather(plan, store), trained.cell, trained.config))
    except (ValueError, OSError) as error:
        raise ConfigError(f"{trained.cell.label}: {error}") from error


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m experiments export-model")
    cell_options(parser)
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    options = parser.parse_args(arguments)
    export_model(options.runs, options.run, options.arm, options.seed, options.out)
    print(options.out)
    return 0
