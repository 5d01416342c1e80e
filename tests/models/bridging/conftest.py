"""Tiny checkpoints, written once, and prompts about tiny images."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.bridging.frozen_prompts import Prompt
from tests.models.bridging.tiny_frozen import SEEING, save_causal

FORMS = {"causal": save_causal, **SEEING}


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a form's checkpoint, written when first asked for."""
    folder, written = tmp_path_factory.mktemp("checkpoints"), {}

    def find(form: str) -> Path:
        if form not in written:
            written[form] = FORMS[form](folder / form)
        return written[form]

    return find


def image(height: int, width: int, seed: int) -> np.ndarray:
    drawn = np.random.default_rng(seed).integers(0, 256, (height, width, 3))
    return drawn.astype(np.uint8)


TEXTS = (Prompt("a red cat"), Prompt("The dog"), Prompt("a cat of a blue dog"))
LOOKING = (
    Prompt("a cat", (image(16, 24, 0),)),
    Prompt("dog", (image(16, 16, 1),)),
    Prompt("a dog of cat", (image(16, 16, 2), image(8, 16, 3))),
)
