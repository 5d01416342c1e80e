"""What tells a published checkpoint from another one at the same place, so that a step's key does.

A config names a checkpoint by its place: a folder, a GGUF file, a package's name. Steps that read
one have its fingerprint in their key beside its name. Small files count whole; of a large one its
size, its header, and the start of every tensor: another training moves all tensors, so nothing of
gigabytes has to be read. A hub's repository has no fingerprint before it is fetched, and would have
one afterwards: it goes by its name alone.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

NAMED_BY = {
    "tokenizer": "path",
    "encoder": "path",
    "language": "checkpoint",
    "model": "pretrained",
}
"""The field of a section that names a checkpoint."""
SUFFIXES = (".json", ".safetensors", ".gguf", ".model", ".txt", ".jinja")
WHOLE = 2**24
"""Bytes up to which a file counts whole."""
SPOT, SPOTS = 4096, 1024
LENGTH = 8
"""Bytes at the start of a safetensors file that say how long its header is."""


def checkpoint_names(parts: Mapping[str, Any]) -> list[str]:
    """The checkpoints that parts of a config name."""
    named = (parts.get(part, {}).get(field, "") for part, field in NAMED_BY.items())
    return sorted({name for name in named if name})


def place_of(name: str) -> str:
    """The file or folder that holds the checkpoint; empty where it is the hub's, or nowhere."""
    if Path(name).exists():
        return name
    if "/" in name:
        return ""
    from models.pretrained.source import PACKAGES, locate  # it imports transformers

    if name not in PACKAGES:
        return ""
    source = locate(name)
    return str(source.folder / (source.gguf or ""))


def fingerprint(place: Path) -> str:
    """SHA-256, shortened, of a file or of the checkpoint's files below a folder; empty for none."""
    files = [place] if place.is_file() else sorted(p for p in place.rglob("*") if p.is_file())
    content = hashlib.sha256()
    for path in (one for one in files if one.suffix in SUFFIXES):
        name = path.name if path == place else str(path.relative_to(place))
        content.update(f"{name} {path.stat().st_size}\n".encode())
        for piece in pieces(path):
            content.update(piece)
    return content.hexdigest()[:16] if files else ""


def pieces(path: Path) -> Iterator[bytes]:
    """The whole of a small file; of a large one the places where it differs from another."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= WHOLE:
            yield file.read()
            return
        head, starts = tensor_starts(path) if path.suffix == ".safetensors" else (0, spread(size))
        yield file.read(head)
        for start in starts:
            file.seek(start)
            yield file.read(SPOT)


def tensor_starts(path: Path) -> tuple[int, list[int]]:
    """Bytes of a safetensors file's header, and where each of its tensors begins; of a damaged one,
    which is refused where it is read, places all over it."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = min(size, LENGTH + int.from_bytes(file.read(LENGTH), "little"))
        try:
            header = json.loads(file.read(head - LENGTH))
        except ValueError:
            return 0, spread(size)
    header.pop("__metadata__", None)
    return head, sorted(head + about["data_offsets"][0] for about in header.values())


def spread(size: int) -> list[int]:
    """Places all over a file of another form."""
    return [index * size // SPOTS for index in range(SPOTS)]
