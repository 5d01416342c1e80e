"""The DONE marker of a finished step: written last, and it tells a whole folder from a damaged one.

The marker lists every file with its size and hash. Files above `HASHED_BYTES` are too large to be
read on every start: then their size is compared, and the hash when a step takes them as its input.
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


class ChangedError(DamagedError):
    """A file of the right size with other content: no other machine's slow file system shows so."""


def write_marker(folder: Path, about: dict[str, Any]) -> None:
    """Describes every file of `folder`, then writes the marker durably."""
    files = {
        str(path.relative_to(folder)): describe(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MARKER
    }
    size = sum(one["bytes"] for one in files.values())
    write_json(folder / MARKER, {**about, "bytes": size, "files": files})


def read_marker(folder: Path, whole: bool = False) -> dict[str, Any] | None:
    """What the marker says, or None where nothing is finished; raises DamagedError.

    With `whole` the content of large files is compared too.
    """
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
        check_file(folder / name, expected, whole)
    return about


def check_file(path: Path, expected: dict[str, Any], whole: bool) -> None:
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        raise DamagedError(f"{path} must exist, got no such file.") from None
    if size != expected["bytes"]:
        raise DamagedError(f"{path} must have {expected['bytes']} bytes, got {size}.")
    if (whole or size <= HASHED_BYTES) and not expected.items() <= describe(path).items():
        raise ChangedError(f"{path} must have the content that its step wrote, got other content.")


def describe(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        content = hashlib.file_digest(file, "sha256").hexdigest()
    return {"bytes": path.stat().st_size, "sha256": content}


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
