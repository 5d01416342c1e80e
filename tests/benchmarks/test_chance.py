"""Chance is what the best fixed answer to all questions of a kind gets."""

import numpy as np
import pytest

from benchmarks.chance import Chance, usual_answers
from benchmarks.images import write_image
from benchmarks.protocol import Request
from benchmarks.records import RECORDS, write_json
from benchmarks.vqa import exact_match

KINDS = {
    "count": ["two", "two", "one", "three"],  # two: 2 of 4
    "existence": ["yes", "no", "no"],  # no: 2 of 3
    "colour": ["red", "blue"],  # a tie: blue, 1 of 2
}


@pytest.fixture
def folder(tmp_path):
    rows = [(kind, answer) for kind, answers in KINDS.items() for answer in answers]
    questions = [{"question_id": i, "image_id": 0, "question": "?"} for i in range(len(rows))]
    annotations = [
        {"question_id": i, "image_id": 0, "question_type": kind, "multiple_choice_answer": answer}
        for i, (kind, answer) in enumerate(rows)
    ]
    write_json(tmp_path / "questions.json", {"questions": questions})
    document = {"data_subtype": "toy", "annotations": annotations}
    write_json(tmp_path / "annotations.json", document)
    write_image(tmp_path / "images" / "0.png", np.zeros((8, 8, 3), np.uint8))
    return tmp_path


def test_chance_scores_the_share_of_the_usual_answer_in_each_kind(folder):
    chance = Chance(folder / "questions.json", folder / "annotations.json")
    exact_match.generate(chance, folder / "questions.json", folder / "out")
    found = exact_match.score(folder / "out" / RECORDS, folder / "annotations.json").metrics
    values = {kind: found[f"vqa.{kind}@toy"].value for kind in (*KINDS, "overall")}
    assert values == pytest.approx(
        {"count": 2 / 4, "existence": 2 / 3, "colour": 1 / 2, "overall": 5 / 9}
    )


def test_the_first_answer_in_the_alphabet_wins_a_tie():
    rows = [{"question_type": "k", "multiple_choice_answer": one} for one in ("no", "aye", "no")]
    rows.append(rows[1])
    assert usual_answers(rows) == {"k": "aye"}


def test_chance_does_not_draw(folder):
    chance = Chance(folder / "questions.json", folder / "annotations.json")
    with pytest.raises(ValueError, match="must be asked questions, got 1 prompts to draw"):
        chance.generate([Request("a dog")])
