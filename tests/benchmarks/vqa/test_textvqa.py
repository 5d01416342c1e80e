"""TextVQA: always normalised, ten answers, OCR tokens stated."""

import pytest

from benchmarks.records import MissingItemsError, read_json, write_json
from benchmarks.vqa import textvqa
from benchmarks.vqa.asking import Round

from .models import Answerer, write_grey


def write_questions(folder):
    answers = (["Levi's"] * 10, ["1,000"] * 3 + ["one thousand"] * 7)
    rows = [
        {"question_id": n, "image_id": f"i{n}", "question": f"what {n}?", "answers": given}
        for n, given in enumerate(answers)
    ]
    write_json(folder / "val.json", {"data": rows})
    return folder / "val.json"


def scored(folder, replies, **settings):
    rows = [{"question_id": n, "answer": reply} for n, reply in enumerate(replies)]
    write_json(folder / "answers.json", rows)
    return textvqa.score(folder / "answers.json", write_questions(folder), **settings)


@pytest.mark.parametrize(
    ("answers", "reply", "expected"),
    [
        (["Levi's"] * 10, "levi 's", 1.0),
        (["Yes"] * 10, "yes", 1.0),  # normalised although all are alike, unlike VQAv2
        (["1,000"] * 3 + ["x"] * 7, "1000", 0.9),  # three of ten
        (["a 1"] + ["x"] * 9, "one?", 0.3),
        (["x"] * 10, "y", 0.0),
    ],
)
def test_accuracy_by_the_rule_of_the_official_evaluator(answers, reply, expected):
    assert textvqa.accuracy("q", answers, reply) == pytest.approx(expected, abs=1e-12)


def test_the_metric_is_a_percentage(tmp_path):
    results = scored(tmp_path, ["Levi's", "1000"])
    assert [item.cluster for item in results.items] == ["i0", "i1"]
    metrics = results.metrics
    assert metrics["textvqa.overall@official"].value == pytest.approx(95, abs=1e-9)


@pytest.mark.parametrize(
    ("reply", "overall"),
    [
        (lambda text: ["LEVI'S.", "one thousand"][int(text[5])], 100.0),
        (lambda text: "unanswerable", 0.0),
    ],
)
def test_the_score_of_a_perfect_and_of_a_constant_model(reply, overall, tmp_path):
    path = write_questions(tmp_path)
    for number in range(2):
        write_grey(tmp_path / "images" / f"i{number}.jpg")
    asked = Round(model=Answerer(reply), prompts=path, out=tmp_path / "out")
    records = textvqa.generate(asked, tmp_path / "images")
    results = textvqa.score(records, path)
    assert results.metrics["textvqa.overall@official"].value == overall
    assert results.protocol["prompt"]["ocr_tokens"] is False
    assert [row["question_id"] for row in read_json(records)] == [0, 1]


def test_ocr_tokens_are_listed_and_stated(tmp_path):
    path, ocr, model = write_questions(tmp_path), tmp_path / "ocr.json", Answerer(str.upper)
    write_json(ocr, {"data": [{"image_id": "i0", "ocr_tokens": ["LEVI", "S"]}]})
    for number in range(2):
        write_grey(tmp_path / "images" / f"i{number}.jpg")
    asked = Round(model=model, prompts=path, out=tmp_path / "out")
    records = textvqa.generate(asked, tmp_path / "images", ocr)
    assert model.asked[0].text == (
        "what 0?\nReference OCR token: LEVI, S\nAnswer the question using a single word or phrase."
    )
    assert textvqa.score(records, path).protocol["prompt"]["ocr_tokens"] is True


def test_bad_files_are_named(tmp_path):
    with pytest.raises(MissingItemsError, match="1 of 2 missing or unreadable: 1"):
        scored(tmp_path, ["x"])
    with pytest.raises(ValueError, match="question q must have 10 answers, got 9"):
        textvqa.accuracy("q", ["x"] * 9, "x")
    for odd in ("x" * 10, ["x"] * 9 + [3]):
        with pytest.raises(ValueError, match="question q must have a list of texts as answers"):
            textvqa.accuracy("q", odd, "x")
    write_json(tmp_path / "val.json", [])
    with pytest.raises(ValueError, match=r"val.json must be an object, got '\[\]'"):
        textvqa.score(tmp_path / "answers.json", tmp_path / "val.json")
