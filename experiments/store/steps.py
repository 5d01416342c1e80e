"""Runs a step once: a folder that appears whole, or not at all.

    runs/steps/<name>-<key>.lock       held while a process works on the step
    runs/steps/<name>-<key>.partial/   what it has written so far
    runs/steps/<name>-<key>/           the finished step, renamed from .partial, DONE inside

The key hashes what the result depends on: the step's part of the config, the keys of its inputs,
the code that it runs, torch's version, the device and the thread count. An interrupted step leaves
its partial folder: a resumable step gets it back, any other starts over. Two processes that want
one step take turns.
"""

import errno
import importlib
import json
import logging
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock

from experiments.config import digest
from experiments.store.markers import (
    ChangedError,
    DamagedError,
    read_marker,
    write_json,
    write_marker,
)
from experiments.store.progress_file import PROGRESS

logger = logging.getLogger(__name__)

HERE = Path(__file__).parent
SITTINGS = "sittings.json"
"""In an unfinished step: seconds of the sittings that have ended, and when the last one began."""
KEY_LENGTH = 12


@dataclass(frozen=True)
class Step:
    """`inputs` maps a name that the function knows to the folder of a finished step; `config` is
    the key of the cell whose config the step is run with."""

    name: str
    key: str
    entry: str
    parts: tuple[str, ...]
    inputs: Mapping[str, str]
    resumable: bool
    config: str

    @property
    def folder(self) -> str:
        return f"{self.name}-{self.key}"


class StepError(RuntimeError):
    """A step that cannot finish; the message is what the user needs."""


@dataclass(frozen=True)
class Identity:
    """Everything that a step's key covers."""

    name: str
    config: Mapping[str, Any]
    inputs: Mapping[str, str]
    code: str
    threads: int
    device: str
    torch: str

    @property
    def key(self) -> str:
        return digest(asdict(self))[:KEY_LENGTH]


def torch_version() -> str:
    """torch's version, without importing it."""
    return version("torch")


def commit() -> str:
    """The checked-out commit, marked `-dirty` when files differ from it; empty outside git, and on
    a machine without git, as a cluster's may be."""
    command = ["git", "describe", "--always", "--abbrev=40", "--dirty", "--match="]
    try:
        found = subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return found.stdout.strip()


class Store:
    """The steps under one `runs` folder."""

    def __init__(self, runs: Path) -> None:
        self.runs = runs
        self.steps = runs / "steps"

    def path(self, folder: str) -> Path:
        return self.steps / folder

    def partial(self, folder: str) -> Path:
        return self.steps / f"{folder}.partial"

    def marker(self, folder: str) -> dict[str, Any] | None:
        """The marker of a finished step, or None; a damaged one is reported and is not done."""
        try:
            return read_marker(self.path(folder))
        except DamagedError as error:
            logger.warning("%s The step is done again.", error)
            return None

    def is_done(self, folder: str) -> bool:
        return self.marker(folder) is not None

    def exists(self, folder: str) -> bool:
        """Whether a step has finished, without looking inside: for use after `sweep`."""
        return self.path(folder).is_dir()

    def sweep(self, folders: Sequence[str]) -> None:
        """Removes damaged steps, so that what exists is whole."""
        for folder in folders:
            if self.exists(folder):
                with explained_disk_errors(self.runs), self.lock(folder):
                    if not self.is_done(folder):
                        shutil.rmtree(self.path(folder))

    def lock(self, folder: str) -> FileLock:
        return FileLock(self.steps / f"{folder}.lock")

    def run(self, step: Step, config: Any, function: Callable[..., None] | None = None) -> Path:
        """Runs `step` unless it is done and returns its folder.

        Raises StepError on a missing input and on a disk that cannot be written; what the step
        itself raises passes through.
        """
        final = self.path(step.folder)
        if self.is_done(step.folder):
            return final
        with explained_disk_errors(self.runs):
            self.steps.mkdir(parents=True, exist_ok=True)
            with self.lock(step.folder):
                if not self.is_done(step.folder):
                    self._run_locked(step, config, function or load_function(step.entry))
        return final

    def _run_locked(self, step: Step, config: Any, function: Callable[..., None]) -> None:
        inputs = {name: self.path(folder) for name, folder in step.inputs.items()}
        for name, path in inputs.items():
            self.check_input(step, name, path)
        final, partial = self.path(step.folder), self.partial(step.folder)
        if final.exists():
            shutil.rmtree(final)
        if not step.resumable and partial.exists():
            shutil.rmtree(partial)
        partial.mkdir(exist_ok=True)
        seconds, started = earlier_seconds(partial), time.monotonic()
        function(config, inputs, partial)
        seconds += time.monotonic() - started
        for name in (PROGRESS, SITTINGS):
            (partial / name).unlink(missing_ok=True)
        about = {"step": step.name, "entry": step.entry, "seconds": seconds, "commit": commit()}
        write_marker(partial, about)
        partial.rename(final)

    def check_input(self, step: Step, name: str, path: Path) -> None:
        """Raises StepError for an input that is missing or, to the last byte, damaged. One whose
        content has changed is removed; what else is damaged the next start removes (`sweep`)."""
        try:
            if read_marker(path, whole=True) is None:
                raise StepError(f"{step.name} must have its input {name} finished, got {path}.")
        except DamagedError as error:
            self.remove_changed(path)
            raise StepError(
                f"{error} It is the input {name} of {step.name}; run again to make it anew."
            ) from None

    def remove_changed(self, path: Path) -> None:
        """Removes a folder whose content has changed, unless another process has mended it."""
        with self.lock(path.name):
            try:
                read_marker(path, whole=True)
            except ChangedError:
                shutil.rmtree(path)
            except DamagedError:
                return


def earlier_seconds(partial: Path) -> float:
    """What the sittings before this one took, each until it last wrote; notes that this begins."""
    note, before = partial / SITTINGS, 0.0
    if note.exists():
        told = json.loads(note.read_text())
        wrote = max(path.stat().st_mtime for path in partial.rglob("*"))
        before = told["before"] + max(0.0, wrote - told["began"])
    write_json(note, {"before": before, "began": time.time()})
    return before


def load_function(entry: str) -> Callable[..., None]:
    """The function that `"package.module:function"` names."""
    module, _, name = entry.partition(":")
    return getattr(importlib.import_module(module), name)


REASONS = {
    errno.ENOSPC: "must have free space, got a full disk",
    errno.EDQUOT: "must have free space, got an exhausted quota",
    errno.EROFS: "must be writable, got a read-only file system",
    errno.EACCES: "must be writable, got no permission",
}


TORCH_WRITER = "inline_container.cc"
LITTLE_BYTES = 1 << 20


@contextmanager
def explained_disk_errors(runs: Path) -> Iterator[None]:
    """Turns a full or read-only disk into a StepError of one sentence."""
    try:
        yield
    except OSError as error:
        if error.errno not in REASONS:
            raise
        where = f" ({error.filename})" if error.filename else ""
        raise disk_error(runs, error.errno, where) from error
    except RuntimeError as error:  # torch.save says no more than where its writer stands
        if TORCH_WRITER not in str(error) or shutil.disk_usage(runs).free > LITTLE_BYTES:
            raise
        raise disk_error(runs, errno.ENOSPC) from error


def disk_error(runs: Path, code: int, where: str = "") -> StepError:
    return StepError(
        f"{runs} {REASONS[code]}{where}. Finished steps are kept; mend it and run again."
    )
