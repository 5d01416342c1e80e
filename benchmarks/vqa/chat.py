"""What judging a reply needs of a chat model, which one the options name, and the manifest of what
it judged.
"""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from benchmarks.judges.named import open_judge
from benchmarks.records import MANIFEST, read_json, write_json


class ChatModel(Protocol):
    """A judge that can be asked anything."""

    @property
    def protocol(self) -> Mapping[str, object]:
        """Name, revision and settings."""
        ...

    @property
    def label(self) -> str:
        """Name for metrics."""
        ...

    def ask(self, images: Sequence[np.ndarray], text: str, attempt: int = 0) -> str:
        """Return the reply to a text about images, a new one for a new attempt."""
        ...


def chat_of(options: Namespace, out: Path, max_tokens: int) -> ChatModel:
    """Return the judge that the options name, whose replies are kept in `out`; `options.judge`
    where it is handed over loaded.
    """
    given = options.judge
    return open_judge(options, out, max_tokens) if isinstance(given, str | None) else given


def write_judged(records: Path, judge: ChatModel, out: Path, **settings: object) -> None:
    """Write the manifest of judged replies: that of the replies, if any, and who judged how."""
    path = records.parent / MANIFEST
    made = read_json(path) if path.exists() else {}
    judged = {"judge": dict(judge.protocol), "label": judge.label, **settings}
    write_json(out / MANIFEST, {**made, **judged})
