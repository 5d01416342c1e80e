"""`python -m experiments benchmarks`: `python -m benchmarks`, which knows our own models as well.

    python -m experiments benchmarks generate geneval --model arm:FOLDER --seeds running …

A benchmark knows a model by protocol alone; here its table of adapters gets two more: `arm:`, an
exported arm, and `bridge:`, a saved bridge between published models.
"""

from pathlib import Path

from benchmarks.__main__ import main as run_benchmarks
from benchmarks.protocol import Model
from benchmarks.registry import ADAPTERS

SCHEME = "arm"
BRIDGE = {"bridge": "experiments.bridging.served"}


def open_model(name: str) -> Model:
    """The arm in the folder `name`; ValueError where there is none."""
    from experiments.sharing.exported import load_arm  # heavy: imports torch

    return load_arm(Path(name))


def main(arguments: list[str]) -> int:
    ADAPTERS.update({SCHEME: __name__, **BRIDGE})
    return run_benchmarks(arguments)
