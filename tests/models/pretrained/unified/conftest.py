"""Tiny checkpoints of both forms, written once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from models.pretrained.unified.form import UnifiedForm
from models.pretrained.unified.opening import open_form
from tests.models.pretrained.unified.tiny import KINDS, save_tiny


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("unified")
    return {kind: save_tiny(kind, root / kind) for kind in KINDS}


@pytest.fixture
def opened(folders: dict[str, Path]) -> Callable[[str], UnifiedForm]:
    """A form of its own for each test, as tests train it."""
    return lambda kind: open_form(str(folders[kind]))
