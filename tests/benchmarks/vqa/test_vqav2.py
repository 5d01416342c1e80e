"""VQAv2: ten answers a question, normalised unless they are all alike."""

import pytest

from benchmarks.records import MissingItemsError, read_json, write_json
from benchmarks.vqa import vqav2
from benchmarks.vqa.asking import Round

from .models import Answerer, write_grey

QUESTIONS = (  # image, question, type, answer type, the ten answers
    (1, "Is it red?", "is it", "yes/no", ["Yes"] * 10),
    (1, "How many?", "how many", "number", ["two"] * 3 + ["3"] * 7),
    (2, "What is it?", "what is", "other", ["t-shirt"] * 2 + ["A shirt"] * 8),
)


def write_questions(folder):
    questions, annotations = [], []
    for number, (image, text, kind, answer_type, answers) in enumerate(QUESTIONS):
        base = {"question_id": number, "image_id": image}
        questions.append({**base, "question": text})
        rows = [{"answer": answer, "answer_id": n} for n, answer in enumerate(answers)]
        kinds = {"question_type": kind, "answer_type": answer_type}
        annotations.append({**base, **kinds, "answers": rows})
        write_grey(folder / "images" / f"COCO_val2014_{image:012d}.jpg")
    paths = folder / "questions.json", folder / "annotations.json"
    write_json(paths[0], {"data_subtype": "val2014", "questions": questions})
    write_json(paths[1], {"data_subtype": "val2014", "annotations": annotations})
    return paths


def scored(folder, answers, **settings):
    _, annotations = write_questions(folder)
    records = folder / "answers.json"
    write_json(records, [{"question_id": n, "answer": a} for n, a in enumerate(answers)])
    return vqav2.score(records, annotations, **settings)


@pytest.mark.parametrize(
    ("answers", "reply", "expected"),
    [
        (["Yes"] * 10, "yes", 0.0),  # all alike: nothing is normalised, and "yes" is not "Yes"
        (["Yes"] * 10, " Yes\n", 1.0),  # but for space at the ends
        (["yes"] * 9 + ["Yes"], "YES", 1.0),  # not all alike: both sides are normalised, all match
        (["Yes"] * 9 + ["no"], "yes.", 1.0),
        (["two"] * 3 + ["3"] * 7, "2", 0.9),  # three of ten
        (["yes"] * 9 + ["none"], "0", 0.3),  # "none" is 0; one of ten
        (["yes\t"] * 5 + ["yes"] * 5, "Yes", 0.0),  # alike once tabs are gone: not normalised
    ],
)
def test_accuracy_by_the_rule_of_the_official_evaluator(answers, reply, expected):
    rows = [{"answer": answer, "answer_id": number} for number, answer in enumerate(answers)]
    assert vqav2.accuracy(rows, reply) == pytest.approx(expected, abs=1e-12)


def test_annotators_with_equal_entries_do_not_see_each_other():
    # seven equal entries see 0 others that match, the three others see 7: 3 x 1 / 10
    rows = [{"answer": "red"}] * 7 + [{"answer": "blue"}] * 3
    assert vqav2.accuracy(rows, "red") == pytest.approx(0.3, abs=1e-12)


def test_metrics_are_percentages_overall_and_by_both_types(tmp_path):
    results = scored(tmp_path, ["Yes", "two", "a t shirt"])
    assert [item.cluster for item in results.items] == ["1", "1", "2"]
    metrics = results.metrics
    expected = {
        "vqav2.overall@val2014": (100 + 90 + 60) / 3,
        "vqav2.answer_type.yes/no@val2014": 100.0,
        "vqav2.answer_type.number@val2014": 90.0,
        "vqav2.answer_type.other@val2014": 60.0,  # two of ten: "t shirt"
        "vqav2.question_type.how many@val2014": 90.0,
    }
    assert {name: metrics[name].value for name in expected} == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (lambda text: {"Is": "Yes", "Ho": "3", "Wh": "shirt"}[text[:2]], 100.0),
        (lambda text: "yes", 0.0),  # the only yes-or-no question wants "Yes"
    ],
)
def test_the_score_of_a_perfect_and_of_a_constant_model(reply, expected, tmp_path):
    questions, annotations = write_questions(tmp_path)
    model = Answerer(reply)
    asked = Round(model=model, prompts=questions, out=tmp_path / "out")
    records = vqav2.generate(asked, tmp_path / "images")
    results = vqav2.score(records, annotations, questions)
    assert results.metrics["vqav2.overall@val2014"].value == expected
    assert model.asked[0].text.endswith("?\nAnswer the question using a single word or phrase.")
    assert model.asked[0].images[0].shape == (4, 6, 3)
    assert results.protocol["prompt"]["suffix"] in model.asked[0].text
    assert [row["question_id"] for row in read_json(records)] == [0, 1, 2]


def test_missing_and_unreadable_answers_are_counted(tmp_path):
    with pytest.raises(MissingItemsError, match="2 of 3 missing or unreadable: 1, 2"):
        scored(tmp_path, ["Yes", None])
    results = scored(tmp_path, ["Yes", None], allow_missing=True)
    assert (results.n_scored, results.n_expected) == (1, 3)
    assert results.protocol["missing"] == ["1", "2"]


@pytest.mark.parametrize(
    ("answers", "message"),
    [
        ([], "question 0 must have 10 answers, got 0"),
        ([{"answer": "yes"}] * 9, "question 0 must have 10 answers, got 9"),
        (None, "question 0 must have 10 answers, got None"),
        (["yes"] * 10, "question 0 answer must be an object, got 'yes'"),
        ([{"text": "yes"}] * 10, "question 0 answer must have 'answer', got"),
        ([{"answer": 2}] * 10, "question 0 answer must be a text, got 2"),
    ],
)
def test_annotations_without_ten_answers_are_named(answers, message, tmp_path):
    scored(tmp_path, ["Yes", "two", "a t shirt"])
    document = read_json(tmp_path / "annotations.json")
    document["annotations"][0]["answers"] = answers
    write_json(tmp_path / "annotations.json", document)
    with pytest.raises(ValueError, match=message):
        vqav2.score(tmp_path / "answers.json", tmp_path / "annotations.json")


def test_bad_files_are_named_with_the_field(tmp_path):
    questions, annotations = write_questions(tmp_path)
    records = tmp_path / "answers.json"
    write_json(records, [{"question_id": 0, "answer": "a"}] * 2)
    with pytest.raises(ValueError, match="question_id must be unique, got '0' twice"):
        vqav2.score(records, annotations)
    write_json(records, [{"question_id": 0, "reply": "a"}])
    with pytest.raises(ValueError, match=r"must have a reply as answer, got .*'reply'"):
        vqav2.score(records, annotations)
    records.write_text("")
    with pytest.raises(ValueError, match="must hold at least one record, got none"):
        vqav2.score(records, annotations)
    write_json(records, [{"question_id": 9, "answer": "a"}])
    with pytest.raises(ValueError, match="answers must belong to the prompts, got 9"):
        vqav2.score(records, annotations)
    with pytest.raises(ValueError, match=r"questions.json must have 'annotations'"):
        vqav2.score(records, questions)
    document = read_json(questions)
    write_json(questions, {**document, "questions": document["questions"][:2]})
    with pytest.raises(ValueError, match="must hold the questions that are annotated, got 1"):
        vqav2.score(records, annotations, questions)
