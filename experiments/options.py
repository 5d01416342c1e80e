"""Options that several commands have, each with its default here alone.

Those of executors, fleets and processes stand beside what they choose.
"""

import argparse
import os
from pathlib import Path

from experiments.devices import CHOICES


def runs_option(parser: argparse.ArgumentParser, default: str = "runs") -> None:
    text = "folder of steps and runs (default: %(default)s)"
    parser.add_argument("--runs", type=Path, default=Path(default), help=text)


def run_options(parser: argparse.ArgumentParser) -> None:
    """A run, and the folder that it is in."""
    text = "folder of the run below RUNS (default: %(default)s)"
    parser.add_argument("--run", default="architectures-cpu", help=text)
    runs_option(parser)


def seed_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=0)


def cell_options(parser: argparse.ArgumentParser) -> None:
    """A run, and an arm and a seed of it."""
    run_options(parser)
    parser.add_argument("--arm", default="shared")
    seed_option(parser)


def jobs_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at a time")


def machine_options(parser: argparse.ArgumentParser) -> None:
    """How much of this machine a run takes."""
    jobs_option(parser)
    parser.add_argument("--device", choices=CHOICES, default="auto", help="of the models")
