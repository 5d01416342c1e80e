"""Visual questions by exact match: kinds, columns, clusters, unreadable answers."""

import pytest

from benchmarks.records import MissingItemsError, write_json, write_lines
from benchmarks.vqa import exact_match

QUESTIONS = (  # image, kind, column, right answer
    (1, "count", "seen", "two"),
    (1, "count", "unseen", "three"),
    (2, "colour", "seen", "red"),
    (3, "colour", "seen", "blue"),
)


def scored(folder, answers, allow_missing=False):
    annotations = [
        {
            "question_id": number,
            "image_id": image,
            "question_type": kind,
            "column": column,
            "multiple_choice_answer": answer,
        }
        for number, (image, kind, column, answer) in enumerate(QUESTIONS)
    ]
    document = {"data_subtype": "test", "annotations": annotations}
    write_json(folder / "annotations.json", document)
    write_json(folder / exact_match.QUESTIONS, {"questions": []})
    records = [{"question_id": n, "answer": answer} for n, answer in enumerate(answers)]
    write_lines(folder / "records.jsonl", records)
    paths = folder / "records.jsonl", folder / "annotations.json"
    return exact_match.score(*paths, allow_missing=allow_missing)


def test_an_answer_must_match_exactly_but_for_space_around_it(tmp_path):
    metrics = scored(tmp_path, [" two ", "two", "Red", "blue"]).metrics
    expected = {
        "vqa.overall@test": 2 / 4,
        "vqa.count@test": 1 / 2,
        "vqa.colour@test": 1 / 2,  # "Red" is not "red"
        "vqa.overall.seen@test": 2 / 3,
        "vqa.count.unseen@test": 0.0,
    }
    assert {name: metrics[name].value for name in expected} == pytest.approx(expected)


def test_the_questions_of_one_image_are_one_cluster(tmp_path):
    # both questions of image 1 are wrong, the two other images right: resamples of three images
    # that draw it k times have the mean 1 - 2k / (3 + k): 1, 1/2, 1/5, 0; t of two
    # degrees makes 4.303 / 1.960 * sqrt(3 / 2) of 0 to 1
    interval = scored(tmp_path, ["", "", "red", "blue"]).metrics["vqa.overall@test"]
    assert interval.value == 0.5
    assert (interval.ci_low, interval.ci_high) == pytest.approx(
        (0.5 - 1.344, 0.5 + 1.344), abs=1e-3
    )


def test_an_answer_that_is_no_text_is_unreadable(tmp_path):
    with pytest.raises(MissingItemsError, match="1 of 4 missing or unreadable: 3"):
        scored(tmp_path, ["two", "two", "red", None])
    assert scored(tmp_path, ["two", "two", "red", None], allow_missing=True).n_scored == 3
