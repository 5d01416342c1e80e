"""Replies of a judge on disk, a line each, so that a killed run keeps every finished call."""

import hashlib
import json
import logging
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.sharding import current, files_of_all

REPLIES = "replies.jsonl"

log = logging.getLogger(__name__)


class ReplyLog:
    """Replies by the hash of what was asked: appended, never rewritten.

    Each process appends to its own file and reads those of all. A line that a crash left half
    written is skipped and counted in `damaged`.
    """

    def __init__(self, path: Path) -> None:
        self.everyones = path
        self.path = current().file(path)
        self.damaged = 0
        self._lock = threading.Lock()
        self._replies: dict[str, dict[str, Any]] = {}
        own = self.path.read_text() if self.path.exists() else ""
        self._torn = bool(own) and not own.endswith("\n")
        self.refresh()
        if self.damaged:
            log.warning("%s: %d half-written replies are asked again", path, self.damaged)

    def refresh(self) -> None:
        """Take in what all processes have kept by now."""
        self.damaged = 0
        for path in files_of_all(self.everyones):
            for line in path.read_text().splitlines():
                try:
                    entry = json.loads(line)
                    self._replies[entry["key"]] = entry
                except (ValueError, TypeError, KeyError):
                    self.damaged += bool(line)

    def get(self, key: str) -> dict[str, Any] | None:
        """Return what `add` was given for `key`, None if nothing was."""
        return self._replies.get(key)

    def add(self, key: str, entry: Mapping[str, Any]) -> None:
        """Keep `entry` (with its "reply") on disk before this returns."""
        row = {"key": key, **entry}
        with self._lock:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a") as lines:
                lines.write("\n" * self._torn + json.dumps(row) + "\n")
                lines.flush()
                os.fsync(lines.fileno())
            self._torn = False
            self._replies[key] = row


def reply_key(
    settings: Mapping[str, object], images: Sequence[np.ndarray], text: str, attempt: int
) -> str:
    """Return the hash of a question: who is asked and how, the pixels, the text, the attempt."""
    digest = hashlib.sha256(json.dumps([dict(settings), text, attempt], sort_keys=True).encode())
    for image in images:
        digest.update(repr((image.shape, image.dtype.str)).encode())
        digest.update(np.ascontiguousarray(image).tobytes())
    return digest.hexdigest()


class LocalAsker(Protocol):
    """A model in this process that answers a text about images; one call at a time."""

    protocol: Mapping[str, object]
    label: str

    def ask(self, images: Sequence[np.ndarray], text: str) -> str:
        """Return its reply to `text` about images uint8 [h, w, 3]."""
        ...


class Remembered:
    """A local model as an `Asker` whose replies are kept.

    A model that samples nothing gives one reply however often it is asked.
    """

    def __init__(self, asker: LocalAsker, replies: ReplyLog) -> None:
        self.asker = asker
        self.replies = replies
        self.protocol = asker.protocol
        self.label = asker.label
        self.usage: dict[str, object] = {"calls": 0, "from_disk": 0}
        self._lock = threading.Lock()

    def refresh(self) -> None:
        """Take in what other processes have kept."""
        self.replies.refresh()

    def ask(self, images: Sequence[np.ndarray], text: str, attempt: int = 0) -> str:
        """Return the kept reply, or ask."""
        key = reply_key(self.protocol, images, text, 0)
        with self._lock:
            kept = self.replies.get(key)
            counter = "from_disk" if kept else "calls"
            self.usage[counter] = int(str(self.usage[counter])) + 1
            if kept is None:
                kept = {"reply": self.asker.ask(images, text)}
                self.replies.add(key, kept)
        return kept["reply"]
