"""The DONE marker of a finished step: written last, and it tells a whole folder from a damaged one.

The marker lists every file with its size, and with its hash where the file is small enough to read
on every start (`HASHED_BYTES`).
"""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

MARKER = "DONE"
HASHED_BYTES = 1 << 18


class DamagedError(ValueError):
    """A finished folder that is not what its marker says; the message names the file."""


def write_marker(folder: Path, about: dict[str, Any]) -> None:
    """Describes every file of `folder`, then writes the marker durably."""
    files = {
        str(path.relative_to(folder)): describe(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MARKER
    }
    size = sum(one["bytes"] for one in files.values())
    write_json(folder / MARKER, {**about, "bytes": size, "files": files})


def read_marker(folder: Path) -> dict[str, Any] | None:
    """What the marker says, or None where nothing is finished; raises DamagedError."""
    path = folder / MARKER
    if not folder.is_dir():
        return None
    try:
        about = json.loads(path.read_bytes())
        files = about["files"]
    except FileNotFoundError:
        raise DamagedError(f"{path} must exist in a finished step.") from None
    except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError):
        raise DamagedError(f"{path} must be a marker, got unreadable text.") from None
    for name, expected in files.items():
        check_file(folder / name, expected)
    return about


def check_file(path: Path, expected: dict[str, Any]) -> None:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise DamagedError(f"{path} must exist, got no such file.") from None
    if size != expected["bytes"]:
        raise DamagedError(f"{path} must have {expected['bytes']} bytes, got {size}.")
    if "sha256" in expected and describe(path) != expected:
        raise DamagedError(f"{path} must have the content that its step wrote, got other content.")


def describe(path: Path) -> dict[str, Any]:
    size = path.stat().st_size
    if size > HASHED_BYTES:
        return {"bytes": size}
    return {"bytes": size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}


def write_json(path: Path, value: Any) -> None:
    """Writes JSON so that a reader sees the old file or the new one, never a part."""
    write_text(path, json.dumps(value, indent=1) + "\n")


def write_text(path: Path, text: str) -> None:
    """Writes a text file by rename, flushed to the disk first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
