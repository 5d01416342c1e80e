"""GQA: equality, balanced questions, binary and open ones."""

import pytest

from benchmarks.records import MissingItemsError, read_json, write_json
from benchmarks.vqa import gqa
from benchmarks.vqa.asking import Round

from .models import Answerer, write_grey


def row(image, question, answer, structural, **more):
    types = {"structural": structural, "semantic": "attr"}
    return {"imageId": image, "question": question, "answer": answer, "types": types, **more}


def program(*steps):
    return [dict(zip(("operation", "argument"), step.split(": "), strict=True)) for step in steps]


QUESTIONS = {
    "01": row(
        "n1", "What colour?", "red", "query", semantic=program("select: dog", "query: color")
    ),
    "02": row("n1", "Is it red?", "yes", "verify", isBalanced=True),
    "03": row("n2", "Red or blue?", "blue", "choose", semantic=program("choose name: dog|cat")),
    "04": row("n2", "Is it?", "no", "verify", isBalanced=False),
}


def scored(folder, answers, **settings):
    write_json(folder / "testdev_balanced_questions.json", QUESTIONS)
    predictions = [{"questionId": name, "prediction": text} for name, text in answers.items()]
    write_json(folder / "predictions.json", predictions)
    paths = folder / "predictions.json", folder / "testdev_balanced_questions.json"
    return gqa.score(*paths, **settings)


def test_a_prediction_must_equal_the_answer_of_a_balanced_question(tmp_path):
    results = scored(tmp_path, {"01": "red", "02": "yes", "03": "Blue", "04": "no"})
    label = "testdev_balanced"
    expected = {
        f"gqa.overall@{label}": 200 / 3,  # "Blue" is not "blue", and 04 does not count
        f"gqa.open@{label}": 100.0,
        f"gqa.binary@{label}": 50.0,
        f"gqa.structural.choose@{label}": 0.0,
        f"gqa.semantic.attr@{label}": 200 / 3,
        f"gqa.words.2@{label}": 100.0,  # 01
        f"gqa.words.3@{label}": 50.0,  # 02 and 03
        f"gqa.steps.2@{label}": 100.0,  # 01
        f"gqa.steps.0@{label}": 0.0,  # 03: choosing a name is no step; 02 has no program
    }
    found = {name: results.metrics[name].value for name in expected}
    assert found == pytest.approx(expected, abs=1e-9)
    assert results.n_expected == 3
    assert [item.cluster for item in results.items] == ["n1", "n1", "n2"]


@pytest.mark.parametrize(
    ("operations", "count"),
    [
        (("select: sky", "filter color: blue", "exist: ?"), 2),  # whether it exists is no step
        (("select: sky", "query: name"), 1),
        (("select: sky", "query: color"), 2),
        (("verify color: red", "verify rel: dog,exists"), 1),  # wherever "exist" stands
    ],
)
def test_steps_are_counted_as_the_official_table_counts_them(operations, count):
    assert gqa.steps(program(*operations)) == count


def test_a_prediction_is_the_reply_in_lower_case_without_closing_periods():
    assert gqa.convert(" Red. ") == "red"
    assert gqa.convert("No!..") == "no!"


@pytest.mark.parametrize(
    ("reply", "overall"),
    [
        (lambda text: {"W": "Red.", "I": "Yes", "R": "blue"}[text[0]], 100.0),
        (lambda text: "Yes.", 100 / 3),
    ],
)
def test_the_score_of_a_perfect_and_of_a_constant_model(reply, overall, tmp_path):
    path = tmp_path / "testdev_balanced_questions.json"
    write_json(path, QUESTIONS)
    for name in ("n1", "n2"):
        write_grey(tmp_path / "images" / f"{name}.jpg")
    model = Answerer(reply)
    records = gqa.generate(Round(model=model, prompts=path, out=tmp_path), tmp_path / "images")
    metrics = gqa.score(records, path).metrics
    assert metrics["gqa.overall@testdev_balanced"].value == pytest.approx(overall, abs=1e-9)
    assert len(read_json(records)) == len(model.asked) == 3


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"types": None}, "question 01 types must be an object, got 'None'"),
        ({"semantic": None}, "question 01 semantic must be a list of operations, got None"),
        ({"semantic": [{"operation": "query"}]}, "question 01 semantic must have 'argument'"),
        ({"semantic": ["query"]}, "question 01 semantic must be an object, got 'query'"),
    ],
)
def test_a_question_of_another_form_is_named(change, message, tmp_path):
    path = tmp_path / "questions.json"
    write_json(path, {"01": {**QUESTIONS["01"], **change}})
    with pytest.raises(ValueError, match=message):
        gqa.read_questions(path)


def test_an_id_that_comes_twice_is_named(tmp_path):
    path = tmp_path / "questions.json"
    path.write_text('{"01": {"answer": "red"}, "01": {"answer": "blue"}}')
    with pytest.raises(ValueError, match=r"questions\.json must be .*, got: '01' twice"):
        gqa.read_questions(path)


def test_bad_files_are_named(tmp_path):
    with pytest.raises(MissingItemsError, match=r"predictions must be complete.*1 of 3.*: 03"):
        scored(tmp_path, {"01": "red", "02": "yes"})
    with pytest.raises(ValueError, match="must belong to the prompts, got 05"):
        scored(tmp_path, {"05": "red"})
    write_json(tmp_path / "testdev_balanced_questions.json", {"01": {"question": "What?"}})
    paths = tmp_path / "predictions.json", tmp_path / "testdev_balanced_questions.json"
    with pytest.raises(ValueError, match="question 01 must have 'answer'"):
        gqa.score(*paths)
