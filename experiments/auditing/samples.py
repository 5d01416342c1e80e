"""Blind samples of every arm's GenEval drawings, and what a person answered about them.

Every arm is asked about the same prompts, one image of each before any has two. Samples are known
by a hash, and shown in the order of their hashes, which mixes the arms.

    runs/<run>/audit.jsonl    one answer a line, as it came; the last one about a sample counts
"""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from experiments.config import ConfigError, digest
from experiments.evidence.collect import Gathered
from experiments.reporting.samples import BENCHMARK
from experiments.store.markers import write_text
from experiments.store.steps import Store

AUDIT = "audit.jsonl"
RIGHT, WRONG, UNSURE = ANSWERS = ("right", "wrong", "unsure")
SECOND_OPINION = "judges"
"""Its items count where both judges agreed."""
ID_LENGTH = 16


@dataclass(frozen=True)
class Sample:
    """A drawing of an arm; `name` is its path below `folder`, the finished step's.

    `first` and `second` say whether each judge found what was asked; `second` is None where there
    was no second judge.
    """

    arm: str
    seed: int
    folder: Path
    name: str
    first: bool
    second: bool | None

    @property
    def id(self) -> str:
        """A name that tells nothing; drawings made anew have another."""
        return digest([self.folder.name, self.name])[:ID_LENGTH]

    @property
    def place(self) -> str:
        """The folder of the prompt."""
        return self.name.partition("/")[0]

    @property
    def image(self) -> Path:
        return self.folder / self.name

    def prompt(self) -> str:
        metadata = self.folder / self.place / "metadata.jsonl"
        return json.loads(metadata.read_text().splitlines()[0])["prompt"]


def drawings(found: Gathered, store: Store) -> dict[str, list[Sample]]:
    """Every judged drawing by arm, of all seeds; arms that do not draw are absent."""
    by_arm: dict[str, list[Sample]] = {}
    for cell in found.plan.cells:
        step = cell.steps.get(f"generate_{BENCHMARK}")
        if step is None or not store.exists(step):
            continue
        agreed = found.right(cell.arm, cell.seed, SECOND_OPINION)
        for name, first in found.right(cell.arm, cell.seed, BENCHMARK).items():
            second = first == agreed[name] if name in agreed else None
            sample = Sample(cell.arm, cell.seed, store.path(step), name, first, second)
            by_arm.setdefault(cell.arm, []).append(sample)
    return by_arm


def spread(drawn: Sequence[Sample], count: int) -> list[Sample]:
    """`count` of an arm's drawings, chosen alike for every arm: by hashes of prompt and image."""
    turns: Counter[str] = Counter()
    ranked = []
    for one in sorted(drawn, key=lambda one: digest([one.seed, one.name])):
        ranked.append((turns[one.place], digest(one.place), one))
        turns[one.place] += 1
    return [one for *_, one in sorted(ranked, key=lambda one: one[:2])][:count]


def blind_samples(by_arm: Mapping[str, Sequence[Sample]], per_arm: int) -> dict[str, Sample]:
    """What is shown, by id and in order; arms that share a drawing are asked about it once."""
    chosen = [one for drawn in by_arm.values() for one in spread(drawn, per_arm)]
    return {one.id: one for one in sorted(chosen, key=lambda one: one.id)}


def read_answers(path: Path) -> dict[str, str]:
    """The last answer to each sample, by id; a last line that was cut off does not count.

    Raises ConfigError that names an unreadable line.
    """
    if not path.exists():
        return {}
    given = {}
    for number, line in enumerate(path.read_text().split("\n")[:-1], start=1):
        try:
            record = json.loads(line)
            given[record["id"]] = record["answer"]
        except (json.JSONDecodeError, KeyError, TypeError):
            raise ConfigError(
                f"{path}: line {number} must be an answer, got {line[:80]!r}."
            ) from None
    return given


class AnswerFile:
    """Appends answers; each is on the disk before `add` returns. `given` holds the latest by id."""

    def __init__(self, path: Path) -> None:
        self.path, self.lock = path, Lock()
        self.given = read_answers(path)
        if path.exists() and not (text := path.read_text()).endswith("\n"):
            write_text(path, text[: text.rfind("\n") + 1])  # nobody was told that it was saved

    def add(self, sample: Sample, answer: str) -> None:
        """Raises ConfigError for an answer that is none of ANSWERS."""
        if answer not in ANSWERS:
            raise ConfigError(f"answer must be one of {', '.join(ANSWERS)}, got {answer!r}.")
        record = {"id": sample.id, "arm": sample.arm, "seed": sample.seed, "image": sample.name}
        record |= {"answer": answer, "at": datetime.now(UTC).isoformat(timespec="seconds")}
        with self.lock, self.path.open("a") as file:
            file.write(json.dumps(record) + "\n")
            file.flush()
            os.fsync(file.fileno())
            self.given[sample.id] = answer
