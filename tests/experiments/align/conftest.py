"""Runs of the command on tiny checkpoints."""

from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.align.command import main
from tests.experiments.align.tiny_data import write_data
from tests.models.pretrained.unified.tiny import SIDES, save_tiny

RECIPES = {"emu3": "aia_emu3", "janus": "aia_janus"}
Words = tuple[str, ...]
SMALL = ("train.understand_batch=2", "train.generate_batch=2", "train.warmup_steps=1")
QUICK = ("train.learning_rate=5e-3", "train.precision=32-true")


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a kind's checkpoint, written when first asked for."""
    root, written = tmp_path_factory.mktemp("align"), {}

    def find(kind: str) -> Path:
        if kind not in written:
            written[kind] = save_tiny(kind, root / kind)
        return written[kind]

    return find


@pytest.fixture
def tune(checkpoints, tmp_path: Path) -> Callable[..., Path]:
    """Tunes a kind for some steps; the folder of the model."""
    data: dict[str, list[str]] = {}

    def run(kind: str, steps: int, *overrides: str, name: str = "run", how: Words = ()) -> Path:
        if kind not in data:
            data[kind] = write_data(tmp_path / f"data-{kind}", SIDES[kind])
        given = [f"checkpoint={checkpoints(kind)}", f"train.steps={steps}", *SMALL, *QUICK]
        out = tmp_path / f"{kind}-{name}"
        words = [RECIPES[kind], "--out", str(out), *how, *given, *data[kind], *overrides]
        assert main(words) == 0
        return out / "model"

    return run
