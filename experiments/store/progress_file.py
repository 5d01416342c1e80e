"""`progress.json`, in which a step tells how far it is, rewritten at most once a second.

It holds `{"step", "steps", "losses", "tokens_per_second", "seconds_left"}`, every key but the first
two optional.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from experiments.store.markers import write_json

PROGRESS = "progress.json"
SECONDS_BETWEEN_WRITES = 1.0


class ProgressFile:
    def __init__(self, folder: Path, steps: int, first: int = 0) -> None:
        self.path, self.steps, self.first = folder / PROGRESS, steps, first
        self.started = self.written = time.monotonic()

    def update(
        self, step: int, losses: Mapping[str, float] | None = None, tokens: int | None = None
    ) -> None:
        """Tells that `step` (from 0) is done; `tokens` are those of the steps since the start."""
        now = time.monotonic()
        if now - self.written < SECONDS_BETWEEN_WRITES:
            return
        self.written = now
        elapsed, done = now - self.started, step + 1 - self.first
        value: dict[str, object] = {"step": step + 1, "steps": self.steps, "losses": losses or {}}
        value["seconds_left"] = elapsed / max(1, done) * (self.steps - step - 1)
        if tokens is not None:
            value["tokens_per_second"] = tokens / elapsed
        write_json(self.path, value)


def read_progress(folder: Path) -> dict[str, Any]:
    """How far the step is that writes into `folder`; empty where it has not told."""
    try:
        return json.loads((folder / PROGRESS).read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}
