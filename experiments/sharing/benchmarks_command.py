"""`python -m experiments benchmarks`: `python -m benchmarks`, which knows exported arms as well.

    python -m experiments benchmarks generate geneval --model arm:FOLDER --seeds running …

A benchmark knows a model by protocol alone; here its table of adapters gets one more.
"""

from pathlib import Path

from benchmarks.__main__ import main as run_benchmarks
from benchmarks.protocol import Model
from benchmarks.registry import ADAPTERS

SCHEME = "arm"


def open_model(name: str) -> Model:
    """The arm in the folder `name`; ValueError where there is none."""
    from experiments.sharing.exported import load_arm  # heavy: imports torch

    return load_arm(Path(name))


def main(arguments: list[str]) -> int:
    ADAPTERS[SCHEME] = __name__
    return run_benchmarks(arguments)
