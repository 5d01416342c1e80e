"""What keeps a step from being done twice: finished steps are known by their manifest, unfinished
ones by a journal.

A manifest says all that the outcome depends on. A folder that holds another one's outcome is
refused, not overwritten.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.protocol import first_difference
from benchmarks.records import MANIFEST, UNFINISHED, read_json, whole_file, write_json
from benchmarks.sharding import current, files_of_all

JOURNAL = "unfinished.jsonl"


def hash_files(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the content's hash of each file that is there."""
    hashes = {}
    for name in names:
        path = folder / name
        if path.is_file():
            with path.open("rb") as file:
                hashes[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return hashes


def fingerprint(hashes: Mapping[str, str]) -> str:
    """Return one hash of all files' names and contents."""
    return hashlib.sha256(json.dumps(sorted(hashes.items())).encode()).hexdigest()


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


def finish(folder: Path, manifest: Mapping[str, Any], *outputs: str) -> None:
    """Write the manifest, and forget what was begun; nothing while other processes still make some
    of the outputs.
    """
    if all((folder / name).exists() for name in outputs):
        write_json(folder / MANIFEST, manifest)
        (folder / UNFINISHED).unlink(missing_ok=True)


class Journal:
    """Records of a `judge` step, kept as they come: `with Journal(...) as journal`.

    `hashes` are those of the files that are judged; `rows` begins with what earlier, interrupted
    runs of the same step said of the files that are still the same. Each process writes its own
    journal and reads those of all. ValueError if a journal is another step's.
    """

    def __init__(
        self, folder: Path, manifest: Mapping[str, Any], hashes: Mapping[str, str]
    ) -> None:
        self.everyones, self.manifest, self.hashes = folder / JOURNAL, _plain(manifest), hashes
        self.path = current().file(self.everyones)
        own = [entry for entry in self._entries(self.path) if self._is_valid(entry)]
        self.rows = self.read(hashes)
        with whole_file(self.path) as partial:
            partial.write_text("\n".join([self._head, *map(json.dumps, own)]) + "\n")

    def read(self, hashes: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return what all processes have said by now of files with these hashes."""
        self.hashes = hashes
        files = files_of_all(self.everyones)
        entries = [entry for path in files for entry in self._entries(path)]
        return [entry["row"] for entry in entries if self._is_valid(entry)]

    def _is_valid(self, entry: Mapping[str, Any]) -> bool:
        return self.hashes.get(entry["file"]) == entry["seen"]

    @property
    def _head(self) -> str:
        return json.dumps(self.manifest, sort_keys=True)

    def _entries(self, path: Path) -> list[dict[str, Any]]:
        try:
            head, *lines = path.read_text().split("\n")
        except FileNotFoundError:
            return []
        if head != self._head:
            self._refuse(path, head)
        return [json.loads(line) for line in lines[:-1]]  # the last was cut off, or is empty

    def _refuse(self, path: Path, head: str) -> None:
        try:
            found = first_difference(json.loads(head), self.manifest)
        except ValueError:
            found = "an unreadable first line"
        raise ValueError(f"{path} must hold a part of the same step, got {found}.")

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

    def append(self, rows: Iterable[tuple[str, Mapping[str, Any]]]) -> None:
        """Keep rows, each with the name of the file that it is about; on disk before this
        returns.
        """
        for name, row in rows:
            entry = {"file": name, "seen": self.hashes[name], "row": row}
            self.file.write(json.dumps(entry) + "\n")
            self.rows.append(dict(row))
        self.file.flush()

    def remove(self) -> None:
        """Delete all journals: their rows are in the records now."""
        for path in files_of_all(self.everyones):
            path.unlink()


def _plain(manifest: Mapping[str, Any]) -> Any:
    """Return a manifest as it will be read: tuples as lists, keys as text."""
    return json.loads(json.dumps(manifest))
