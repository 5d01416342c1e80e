"""`python -m experiments benchmarks`: `python -m benchmarks`, which knows our own models as well.

    python -m experiments benchmarks generate geneval --model arm:FOLDER --seeds running …
    python -m experiments benchmarks generate dreambench --model bridge:FOLDER --data …

A benchmark knows a model by protocol alone; here its table of adapters gets two more: exported
arms, and bridges of published parts.
"""

from pathlib import Path

from benchmarks.__main__ import main as run_benchmarks
from benchmarks.protocol import Model
from benchmarks.registry import ADAPTERS

OUR_ADAPTERS = {"arm": __name__, "bridge": "experiments.sharing.bridge_model"}


def open_model(name: str) -> Model:
    """The arm in the folder `name`; ValueError where there is none."""
    from experiments.sharing.exported import load_arm, read_config  # heavy: imports torch

    if read_config(Path(name)).conditioned.prompts != "pictures":
        return load_arm(Path(name))
    from experiments.sharing.picture_arm import PictureArm

    return load_arm(Path(name), PictureArm)


def main(arguments: list[str]) -> int:
    ADAPTERS.update(OUR_ADAPTERS)
    return run_benchmarks(arguments)
