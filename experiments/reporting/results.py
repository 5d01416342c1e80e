"""Shows the table of a run and where its files are: below `runs`, or committed below `results`."""

import argparse
from pathlib import Path

from rich.console import Console

from experiments.config import ConfigError
from experiments.evidence.collect import OUTPUTS
from experiments.options import runs_option
from experiments.planning.sources import ROOT
from experiments.reporting.terminal import print_tables


def find_run(name: str, runs: Path) -> Path:
    """The folder of a run; raises ConfigError that lists the runs there are."""
    places = [ROOT / "results", runs]
    for place in places:
        if (place / name / "leaderboard.md").exists():
            return place / name
    known = sorted(path.parent.name for one in places for path in one.glob("*/leaderboard.md"))
    there = ", ".join(known) or "none yet (`make ablation` makes one)"
    raise ConfigError(f"run must be one of {there}, got {name!r}.")


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m experiments report")
    parser.add_argument("--run", default="reference")
    runs_option(parser)
    options = parser.parse_args(arguments)
    folder = find_run(options.run, options.runs)
    console = Console()
    print_tables(console, folder)
    for name in OUTPUTS:
        path = folder / name
        packed = path.with_name(f"{name}.gz")  # as `export` leaves the long table
        shown = packed if packed.exists() else path
        console.print(str(shown), highlight=False, soft_wrap=True)
    return 0
