"""One step done by several processes, each a part of it: no process talks to another.

All of them work in one folder, where finished work is found by whoever comes later. Work is dealt
out by its running number, so that a part does not depend on what is done already. Each process
marks its part when it is through; the one that finds all marks joins the parts, and goes on alone.
"""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

from benchmarks.records import read_json, write_json

LOCK = ".parts.lock"
T = TypeVar("T")


class UnfinishedPartsError(Exception):
    """This process is through, and others are not."""


@dataclass(frozen=True)
class Shard:
    """Part `index` of `count`, from 0 on."""

    index: int = 0
    count: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.index < self.count:
            raise ValueError(
                f"a shard must be one of 0/{self.count} to {self.count - 1}/{self.count}, "
                f"got {self.index}/{self.count}."
            )

    def has(self, number: int, run: int = 1) -> bool:
        """Return whether work of this running number belongs to this part; `run` numbers in a row
        stay together.
        """
        return number // run % self.count == self.index

    def file(self, path: Path) -> Path:
        """Return the path of this part's own file; `path` itself where there is one part."""
        if self.count == 1:
            return path
        return path.with_name(f"{path.stem}-{self.index}-of-{self.count}{path.suffix}")


ALL = Shard()
_CURRENT = ContextVar("shard", default=ALL)


def current() -> Shard:
    """Return this process's part; all of the work unless `working_on` says otherwise."""
    return _CURRENT.get()


@contextmanager
def working_on(shard: Shard) -> Iterator[None]:
    """Let this process do a part."""
    token = _CURRENT.set(shard)
    try:
        yield
    finally:
        _CURRENT.reset(token)


def read_shard(text: str | None, environment: Mapping[str, str] = os.environ) -> Shard:
    """Return the part I of N that "I/N" names, or else that of a process of torchrun (RANK) or of
    Lightning on one machine (LOCAL_RANK); all of the work where nothing says so.

    ValueError for another form.
    """
    size = environment.get("WORLD_SIZE", "1")
    if text is None and size != "1":
        rank = environment.get("RANK")
        if rank is None and environment.get("NODE_RANK", "0") == "0":
            rank = environment.get("LOCAL_RANK")
        text = f"{rank}/{size}"
    index, _, count = (text or "0/1").partition("/")
    if not (index.isdecimal() and count.isdecimal()):
        raise ValueError(f"--shard must be I/N, as in 0/2, got {text!r}.")
    return Shard(int(index), int(count))


def files_of_all(path: Path) -> list[Path]:
    """Return the files of all parts that are there, whatever number of parts they are of."""
    return sorted(path.parent.glob(f"{path.stem}{path.suffix}")) + sorted(
        path.parent.glob(f"{path.stem}-*-of-*{path.suffix}")
    )


@contextmanager
def joined(folder: Path, what: Mapping[str, Any]) -> Iterator[None]:
    """Enter with all parts of a step done, where they can be joined, one process at a time.

    `what` describes the step. UnfinishedPartsError if another part of it is not done; this one is
    marked then, and the process that is through last will join them.
    """
    shard = current()
    if shard.count == 1:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / LOCK):
        marks = [
            Shard(number, shard.count).file(folder / "part.json") for number in range(shard.count)
        ]
        write_json(marks[shard.index], what)
        plain = json.loads(json.dumps(what))
        done = sum(mark.exists() and read_json(mark) == plain for mark in marks)
        if done < shard.count:
            raise UnfinishedPartsError(f"{done} of {shard.count} parts are done in {folder}")
        yield
        for mark in marks:
            mark.unlink()


def finish_each(steps: Iterable[Callable[[], T]]) -> list[T]:
    """Return what each step returns; one that waits for other processes does not hold up the next.

    UnfinishedPartsError if any of them waits.
    """
    found: list[T] = []
    waiting: UnfinishedPartsError | None = None
    for step in steps:
        try:
            found.append(step())
        except UnfinishedPartsError as error:
            waiting = error
    if waiting:
        raise waiting
    return found
