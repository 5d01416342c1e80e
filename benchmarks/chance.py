"""Chance for each kind of question: the best that one fixed answer to all of a kind can do."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.protocol import Request
from benchmarks.records import read_json


class Chance:
    """Answers each question with the most frequent right answer of its kind in the benchmark.

    That answer is chosen in hindsight, so no model that gives a kind always the same answer can be
    above it. It draws nothing: for drawing, the floor is the row of a model that does not look.
    """

    def __init__(self, questions_path: Path, annotations_path: Path) -> None:
        """Read a questions file and its annotations; KeyError for a question without one."""
        annotations = read_json(annotations_path)["annotations"]
        usual = usual_answers(annotations)
        kinds = {row["question_id"]: row["question_type"] for row in annotations}
        questions = read_json(questions_path)["questions"]
        self.answers = [usual[kinds[question["question_id"]]] for question in questions]
        self.protocol = {"reference": "chance", "answers": usual}

    def generate(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """Raise ValueError: there is no drawing by chance."""
        raise ValueError(f"chance must be asked questions, got {len(requests)} prompts to draw.")

    def answer(self, requests: Sequence[Request]) -> list[str]:
        """Return the usual answer; the seed of a request is the running number of its question."""
        return [self.answers[request.seed] for request in requests]


def usual_answers(annotations: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Return the most frequent answer of each kind, the first in the alphabet at a tie."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in annotations:
        counts[row["question_type"]][row["multiple_choice_answer"]] += 1
    return {
        kind: min(counted, key=lambda answer: (-counted[answer], answer))
        for kind, counted in counts.items()
    }
