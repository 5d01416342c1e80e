"""Which architectures there are. Each stands in its own file, which ends with `ARCHITECTURE`.

The control alone is named here: its module stands in models/module.py, since every token arm starts
as it.
"""

import importlib
from pathlib import Path

from models.module import Architecture, SharedModule
from models.shared import SharedConfig

CONTROL = "shared"


def names() -> tuple[str, ...]:
    """Every architecture: the control, then the others in alphabetical order."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return (CONTROL, *(f.stem for f in files if "\nARCHITECTURE = " in f.read_text()))


def architecture(name: str) -> Architecture:
    """Raises ValueError for a name that no file has."""
    if name == CONTROL:
        return Architecture(SharedConfig, SharedModule)
    if name not in names():
        raise ValueError(f"model.name must be one of {', '.join(names())}, got {name!r}.")
    return importlib.import_module(f"models.{name}").ARCHITECTURE
