"""DPG's questions put to a judge that reads: what is added to them, and how a reply is cut."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.dpg.scoring import read_reply
from benchmarks.judges.asking import Asker, ask_all

INSTRUCTION = "Answer with yes or no."
NEW_TOKENS = 8
"""That an answer may take."""


def plain_reply(text: str) -> str:
    """Return "yes" or "no" for what says so, and the text as it is for what does not."""
    reading = read_reply(text)
    return text if reading is None else ("yes" if reading else "no")


class AskedQuestions:
    """A `QuestionJudge` that asks another judge one question at a time, `workers` side by side.

    The model that replies name is not part of the protocol, which must be known before the first
    of them; the judge's own log has it.
    """

    def __init__(self, asker: Asker, workers: int = 1) -> None:
        self.asker, self.workers = asker, workers
        self.label = asker.label
        stated = {key: value for key, value in asker.protocol.items() if key != "served"}
        self.protocol = {"judge": asker.label, **stated, "instruction": INSTRUCTION}

    def answer(
        self, images: Sequence[np.ndarray], questions: Sequence[Sequence[Mapping[str, Any]]]
    ) -> list[list[str]]:
        """Return "yes" or "no" to each image's questions, or the reply itself if it is neither.

        JudgeError names the questions without a reply.
        """
        asked = {
            f"{row['item_id']} {row['proposition_id']} of image {place}": (image, row)
            for place, (image, rows) in enumerate(zip(images, questions, strict=True))
            for row in rows
        }
        replies = iter(ask_all(self._reply, asked, self.workers).values())
        return [[next(replies) for _ in rows] for rows in questions]

    def _reply(self, asked: tuple[np.ndarray, Mapping[str, Any]]) -> str:
        image, row = asked
        return plain_reply(
            self.asker.ask([image], f"{row['question_natural_language']} {INSTRUCTION}")
        )
