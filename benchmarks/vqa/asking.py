"""Asks a model questions about images, a batch at a time; an interrupted round goes on."""

import io
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.images import BATCH, batched, read_image
from benchmarks.protocol import Model, Request, UnansweredError, first_difference
from benchmarks.records import (
    MANIFEST,
    describe_prompts,
    index_by,
    read_json,
    require_complete,
    write_json,
)
from benchmarks.sharding import current, files_of_all, joined

logger = logging.getLogger(__name__)

ASKED = "asked.jsonl"
"""Replies as they come, beside the answers; a later round goes on from them."""
SHORT_ANSWER = "\nAnswer the question using a single word or phrase."
LETTER_ANSWER = "\nAnswer with the option's letter from the given choices directly."


@dataclass(frozen=True)
class Question:
    """A question as the model gets it, with image files or the bytes of image files."""

    name: str
    text: str
    images: tuple[Path | bytes, ...]

    def row(self) -> dict[str, object]:
        """Return what is kept beside a reply: the name, the text, the hash of each image's file.

        OSError if an image is missing.
        """
        files = [image if isinstance(image, bytes) else image.read_bytes() for image in self.images]
        seen = [sha256(file).hexdigest() for file in files]
        return {"question": self.name, "prompt": self.text, "seen": seen}

    def is_asked_by(self, row: Mapping[str, Any]) -> bool:
        """Return whether a kept row asked this about the images that are there now."""
        if row["prompt"] != self.text:
            return False
        try:
            return all(row.get(key) == value for key, value in self.row().items())
        except OSError:  # gone: `ask` counts and names it
            return False


@dataclass(frozen=True, kw_only=True)
class Round:
    """One round of questions: who is asked, from which file, into which folder."""

    model: Model
    prompts: Path
    out: Path
    allow_missing: bool = False

    def ask(self, questions: Sequence[Question], **prompt: object) -> dict[str, str]:
        """Return the replies by name; `prompt` says how the prompts are worded.

        Writes the manifest, and each batch of replies as it comes. ValueError for a duplicate name,
        or if the folder holds a round of another model, file or wording. MissingItemsError names
        questions whose image is missing or damaged or whose answer was refused, unless they may be
        missing; UnansweredError if the model stopped answering. What was answered is kept.
        """
        index_by([{"question": question.name} for question in questions], "question")
        manifest = self._open(prompt)
        replies = self._known(questions)
        own = [(seed, one) for seed, one in enumerate(questions) if current().has(seed)]
        waiting = [(seed, question) for seed, question in own if question.name not in replies]
        for chunk in batched(waiting, BATCH):
            replies |= self._ask_batch(chunk)
        self._require([question.name for _, question in own], replies)
        names = [question.name for question in questions]
        if len(own) < len(names) and not replies.keys() >= set(names):
            with joined(self.out, manifest):
                replies = self._known(questions)
        self._require(names, replies)
        return {name: replies[name] for name in names if name in replies}

    def _require(self, names: Sequence[str], replies: Mapping[str, str]) -> None:
        """MissingItemsError unless these are answered, or may be missing."""
        answered = replies.keys() & set(names)
        require_complete("images and answers of questions", names, answered, self.allow_missing)

    def _open(self, prompt: Mapping[str, object]) -> dict[str, Any]:
        """Return the manifest, written, or held against the one that is there."""
        manifest = {
            "prompts": describe_prompts(self.prompts),
            "model": dict(self.model.protocol),
            "prompt": dict(prompt),
            "seeds": "running number of the question",
        }
        path = self.out / MANIFEST
        if not path.exists():
            write_json(path, manifest)
        elif unlike := first_difference(read_json(path), json.loads(json.dumps(manifest))):
            raise ValueError(
                f"{self.out} must hold answers of one protocol, got {unlike} in {path}."
            )
        return manifest

    def _known(self, questions: Sequence[Question]) -> dict[str, str]:
        """Return the replies of an interrupted round and of other processes; a half-written last
        line of this one's is cut off.
        """
        own = self._journal
        if own.exists() and not (written := own.read_bytes()).endswith(b"\n"):
            own.write_bytes(written[: written.rfind(b"\n") + 1])
        asked = {question.name: question for question in questions}
        lines = [line for path in files_of_all(self.out / ASKED) for line in _whole_lines(path)]
        rows: list[dict[str, Any]] = [json.loads(line) for line in lines]
        return {
            row["question"]: row["reply"]
            for row in rows
            if (one := asked.get(row["question"])) and one.is_asked_by(row)
        }

    @property
    def _journal(self) -> Path:
        return current().file(self.out / ASKED)

    def _ask_batch(self, batch: Sequence[tuple[int, Question]]) -> dict[str, str]:
        """Ask what has its images, and append the replies to the file."""
        rows: list[dict[str, Any]] = []
        requests: list[Request] = []
        for seed, question in batch:
            try:
                images = tuple(map(_read, question.images))
                rows.append(question.row())
            except OSError:  # missing or damaged: `ask` counts and names it
                continue
            requests.append(Request(question.text, images, seed))
        if not rows:
            return {}
        try:
            return self._keep(rows, self.model.answer(requests))
        except UnansweredError as error:
            kept = self._keep(rows, error.replies)
            if not error.refused:
                raise
            logger.warning("%s", error)  # `ask` counts and names them
            return kept

    def _keep(
        self, rows: Sequence[Mapping[str, Any]], replies: Sequence[str | None]
    ) -> dict[str, str]:
        """Append the rows that have a reply to the file; return those replies by name."""
        if len(replies) != len(rows):
            raise ValueError(f"answer must return {len(rows)} replies, got {len(replies)}.")
        pairs = zip(rows, replies, strict=True)
        given = [{**row, "reply": reply} for row, reply in pairs if reply is not None]
        with self._journal.open("a") as lines:
            lines.writelines(json.dumps(row) + "\n" for row in given)
        return {row["question"]: row["reply"] for row in given}


def _whole_lines(path: Path) -> list[bytes]:
    """Return the lines of a file that may still be written to."""
    written = path.read_bytes()
    return written[: written.rfind(b"\n") + 1].splitlines()


def _read(image: Path | bytes) -> np.ndarray:
    """Return uint8 [h, w, 3]; OSError if the file is missing or damaged."""
    return read_image(image if isinstance(image, Path) else io.BytesIO(image))
