"""What keeps a step from being done twice: finished steps are known by their manifest, unfinished
ones by a journal.

A manifest says all that the outcome depends on. A folder that holds another one's outcome is
refused, not overwritten.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.protocol import first_difference
from benchmarks.records import MANIFEST, read_json, write_json

UNFINISHED = "unfinished.json"
JOURNAL = "unfinished.jsonl"


def fingerprint(folder: Path, names: Iterable[str]) -> str:
    """Return the hash of the names and contents of files; absent ones count as absent."""
    digest = hashlib.sha256()
    for name in names:
        path = folder / name
        if path.is_file():
            digest.update(f"{name}\0{path.stat().st_size}\0".encode())
            with path.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()


def is_finished(folder: Path, manifest: Mapping[str, Any], *outputs: str) -> bool:
    """Return whether `folder` already holds the outcome that `manifest` describes."""
    path = folder / MANIFEST
    whole = path.exists() and all((folder / name).exists() for name in outputs)
    return whole and first_difference(read_json(path), _plain(manifest)) is None


def begin(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Note in `folder` what is being made there, so that an interrupted step can go on.

    ValueError if something else was begun or finished there.
    """
    for name in (MANIFEST, UNFINISHED):
        path = folder / name
        if path.exists() and (found := first_difference(read_json(path), _plain(manifest))):
            raise ValueError(
                f"{folder} must be empty or hold a part of the same step, got {found}."
            )
    write_json(folder / UNFINISHED, manifest)


def finish(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write the manifest, and forget what was begun."""
    write_json(folder / MANIFEST, manifest)
    (folder / UNFINISHED).unlink(missing_ok=True)


class Journal:
    """Records of a `judge` step, kept as they come: `with Journal(folder, manifest) as journal`.

    `rows` are those of an earlier, interrupted run of the same step. ValueError if the journal is
    another step's.
    """

    def __init__(self, folder: Path, manifest: Mapping[str, Any]) -> None:
        self.path = folder / JOURNAL
        self.rows: list[dict[str, Any]] = []
        head = json.dumps(manifest, sort_keys=True)
        if self.path.exists():
            first, *lines = self.path.read_text().split("\n")
            if first != head:
                self._refuse(first, manifest)
            whole = lines[:-1]  # what follows the last newline was cut off in writing
            self.rows = [json.loads(line) for line in whole]
        else:
            folder.mkdir(parents=True, exist_ok=True)
            whole = []
        self.path.write_text("\n".join([head, *whole]) + "\n")

    def _refuse(self, first: str, manifest: Mapping[str, Any]) -> None:
        try:
            found = first_difference(json.loads(first), _plain(manifest))
        except ValueError:
            found = "an unreadable first line"
        raise ValueError(f"{self.path} must hold a part of the same step, got {found}.")

    def __enter__(self) -> "Journal":
        self.file = self.path.open("a")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.file.close()

    def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Keep rows, on disk before this returns."""
        self.file.writelines(json.dumps(row) + "\n" for row in rows)
        self.file.flush()
        self.rows += map(dict, rows)

    def remove(self) -> None:
        """Delete the journal: its rows are in the records now."""
        self.path.unlink(missing_ok=True)


def _plain(manifest: Mapping[str, Any]) -> Any:
    """Return a manifest as it will be read: tuples as lists, keys as text."""
    return json.loads(json.dumps(manifest))
