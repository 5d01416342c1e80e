"""`about.json` says what a folder is made of, so that nobody goes on with it otherwise."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ABOUT = "about.json"


def begin(out: Path, wanted: Mapping[str, Any]) -> None:
    """Says what `out` is made of; ValueError where it was begun with something else."""
    path = out / ABOUT
    if not path.exists():
        write_whole(path, json.dumps(wanted, indent=1))
    found = read_mapping(path)
    for key, value in wanted.items():
        if found.get(key) != value:
            raise ValueError(f"{out} must be made with {key} {found.get(key)}, got {value}.")


def write_whole(path: Path, text: str) -> None:
    """Writes a file that appears whole or not at all, whoever writes it beside."""
    temporary = path.with_suffix(f"{path.suffix}.{os.getpid()}")
    temporary.write_text(text)
    temporary.replace(path)


def read_mapping(path: Path, *keys: str) -> dict[str, Any]:
    """What a JSON file of a folder holds; ValueError for one that is cut, or lacks a key."""
    content = path.read_bytes()
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"{path} must hold a mapping in JSON, got {str(content[:60])[1:]}.")
    if lacking := [key for key in keys if key not in found]:
        raise ValueError(f"{path} must hold {', '.join(keys)}, got no {lacking[0]}.")
    return found
