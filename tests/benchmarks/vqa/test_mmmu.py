"""MMMU: two modes for what cannot be read, subjects and domains, the official files."""

import io
from dataclasses import replace
from random import Random

import pyarrow
import pytest
from PIL import Image
from pyarrow import parquet

from benchmarks.records import MissingItemsError, read_json, write_json
from benchmarks.vqa import mmmu, mmmu_questions
from benchmarks.vqa.asking import Round

from .models import GREY, Answerer, write_grey

OPTIONS = {"A": "apple", "B": "banana", "C": "cake", "D": "date"}


def choice(name, response, answer="A"):
    return {
        "id": name,
        "question_type": "multiple-choice",
        "answer": answer,
        "all_choices": list(OPTIONS),
        "index2ans": OPTIONS,
        "response": response,
    }


def open_question(name, response, answer):
    return {"id": name, "question_type": "open", "answer": answer, "response": response}


OUTPUT = [
    choice("validation_Art_1", "A"),
    choice("validation_Art_Theory_1", "no idea"),
    open_question("validation_Math_1", "It is 3.14159", ["pi", "3.14"]),
    choice("validation_Math_2", "(B)"),
]


def test_a_choice_with_several_right_letters_is_right_with_any_of_them(tmp_path):
    rows = [choice("validation_Art_1", "C", ["A", "C"]), choice("validation_Art_2", "B", ["A"])]
    write_json(tmp_path / "output.json", rows)
    assert [item.value for item in mmmu.score(tmp_path / "output.json").items] == [1.0, 0.0]


def test_an_unread_reply_is_wrong_and_counted(tmp_path):
    write_json(tmp_path / "output.json", OUTPUT)
    results = mmmu.score(tmp_path / "output.json")
    expected = {
        "mmmu.overall@fixed": 2 / 4,
        "mmmu.unread@fixed": 1 / 4,
        "mmmu.subject.Art@fixed": 1.0,
        "mmmu.subject.Art_Theory@fixed": 0.0,
        "mmmu.subject.Math@fixed": 1 / 2,
        "mmmu.domain.Art and Design@fixed": 1 / 2,
        "mmmu.domain.Science@fixed": 1 / 2,
    }
    assert {name: metric.value for name, metric in results.metrics.items()} == expected


def test_the_official_mode_draws_in_the_order_of_the_replies(tmp_path):
    count = 50
    rows = [choice(f"validation_Art_{n}", "no idea") for n in range(count)]
    write_json(tmp_path / "output.json", rows)
    random = Random(42)  # the official code seeds the standard generator with 42
    drawn = [random.choice(list(OPTIONS)) for _ in range(count)]
    results = mmmu.score(tmp_path / "output.json", mode="official")
    assert [item.detail["answer"] for item in results.items] == drawn
    expected = drawn.count("A") / count
    assert results.metrics["mmmu.overall@official-seed42"].value == pytest.approx(expected)
    other = mmmu.score(tmp_path / "output.json", mode="official", seed=1)
    assert [item.detail["answer"] for item in other.items] != drawn
    assert other.protocol["seed"] == 1


def test_a_folder_of_subjects_is_read_in_the_official_order(tmp_path):
    for name in ("Math", "Art_Theory", "Art"):
        write_json(tmp_path / name / "output.json", [choice(f"validation_{name}_1", "A")])
    names = [item.name for item in mmmu.score(tmp_path).items]
    assert names == ["validation_Art_1", "validation_Art_Theory_1", "validation_Math_1"]


def test_an_answer_file_decides_and_predictions_by_id_are_taken_as_they_are(tmp_path):
    answers = {
        "validation_Art_1": {"question_type": "multiple-choice", "ground_truth": "B"},
        "validation_Math_1": {"question_type": "short-answer", "ground_truth": ["4"]},
    }
    write_json(tmp_path / "answer_dict_val.json", answers)
    write_json(tmp_path / "output.json", {"validation_Art_1": "B", "validation_Math_1": "is 4"})
    paths = tmp_path / "output.json", tmp_path / "answer_dict_val.json"
    assert mmmu.score(*paths).metrics["mmmu.overall@fixed"].value == 1.0
    # "(B)" is not parsed here: predictions by id are letters already
    write_json(tmp_path / "output.json", {"validation_Art_1": "(B)", "validation_Math_1": "5"})
    assert mmmu.score(*paths).metrics["mmmu.overall@fixed"].value == 0.0
    write_json(tmp_path / "output.json", [choice("validation_Art_1", None)])
    with pytest.raises(MissingItemsError, match="2 of 2 missing or unreadable"):
        mmmu.score(*paths)


def write_questions(folder):
    base = {"image_1": "one.png", "image_2": None}
    rows = [
        {
            **base,
            "id": "validation_Art_1",
            "question": "Which is <image 1>?",
            "question_type": "multiple-choice",
            "answer": "B",
            "options": "['apple', 'banana']",  # the data set writes lists as text
        },
        {
            **base,
            "id": "validation_Math_1",
            "question": "How many in <image 1>?",
            "question_type": "open",
            "answer": "['4', 'four']",
            "options": "[]",
        },
    ]
    write_json(folder / "questions.json", rows)
    write_grey(folder / "images" / "one.png")
    return folder / "questions.json"


@pytest.mark.parametrize(
    ("reply", "overall"),
    [
        (lambda text: "(B) banana" if "apple" in text else "There are four", 1.0),
        (lambda text: "B", 1 / 2),
        (lambda text: "?", 0.0),
    ],
)
def test_the_score_of_a_perfect_and_of_a_constant_model(reply, overall, tmp_path):
    path, model = write_questions(tmp_path), Answerer(reply)
    asked = Round(model=model, prompts=path, out=tmp_path / "out")
    records = mmmu.generate(asked, tmp_path / "images")
    assert mmmu.score(records).metrics["mmmu.overall@fixed"].value == overall
    assert model.asked[0].text == (
        "Which is <image 1>?\n\n(A) apple\n(B) banana\n"
        "\nAnswer with the option's letter from the given choices directly."
    )
    assert len(model.asked[0].images) == 1
    last = {"id": "a", "image_1": "one.png", "image_7": "seven.png"}
    paths = mmmu_questions.images_of(last, tmp_path)
    assert paths == (tmp_path / "one.png", tmp_path / "seven.png")
    assert read_json(records)[0]["index2ans"] == {"A": "apple", "B": "banana"}


def test_a_question_without_a_reply_is_missing_from_the_score_too(tmp_path):
    path = write_questions(tmp_path)
    rows = read_json(path)
    write_json(path, [rows[0], {**rows[1], "image_1": "gone.png"}])
    model = Answerer(lambda text: "B")
    asked = Round(model=model, prompts=path, out=tmp_path / "out", allow_missing=True)
    records = mmmu.generate(asked, tmp_path / "images")
    with pytest.raises(MissingItemsError, match="1 of 2 missing or unreadable: validation_Math_1"):
        mmmu.score(records)
    allowed = mmmu.score(records, allow_missing=True)
    assert (allowed.n_expected, allowed.n_scored) == (2, 1)
    assert allowed.protocol["missing"] == ["validation_Math_1"]


def write_parquet(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)


def parquet_row(name, answer):
    file = io.BytesIO()
    Image.fromarray(GREY).save(file, format="PNG")
    return {
        "id": name,
        "question": "Which is <image 1>?",
        "options": "['apple', 'banana']",
        "image_1": {"bytes": file.getvalue(), "path": "one.png"},
        "image_2": None,
        "answer": answer,
        "question_type": "multiple-choice",
    }


def test_the_data_sets_own_files_hold_their_images_and_give_the_official_layout(tmp_path):
    for subject, answer in (("Math", "A"), ("Art", "B")):
        path = tmp_path / "MMMU" / subject / "validation-00000-of-00001.parquet"
        write_parquet(path, [parquet_row(f"validation_{subject}_1", answer)])
    write_parquet(tmp_path / "MMMU/Art/dev-00000-of-00001.parquet", [{"id": "dev_Art_1"}])
    model = Answerer(lambda text: "B")
    asked = Round(model=model, prompts=tmp_path / "MMMU", out=tmp_path / "out")
    records = mmmu.generate(asked)
    assert read_json(records / "Art/output.json")[0]["response"] == "B"
    assert [one.images[0].shape for one in model.asked] == [(4, 6, 3)] * 2
    results = mmmu.score(records)
    assert results.metrics["mmmu.overall@fixed"].value == 1 / 2
    assert list(results.protocol["prompts"]) == ["Art", "Math"]
    one = replace(asked, prompts=tmp_path / "MMMU/Art/validation-00000-of-00001.parquet")
    alone = mmmu.generate(replace(one, out=tmp_path / "alone"))
    assert mmmu.score(alone).metrics["mmmu.overall@fixed"].value == 1.0


def test_questions_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"must hold <subject>/validation\*.parquet, got none"):
        mmmu_questions.subject_files(tmp_path)
    (tmp_path / "Art").mkdir()
    for part in ("a", "b"):
        (tmp_path / "Art" / f"validation-{part}.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(ValueError, match="must have one file a subject, got two of Art"):
        mmmu_questions.subject_files(tmp_path)
    with pytest.raises(ValueError, match=r"validation-a\.parquet must be a whole parquet file"):
        mmmu_questions.read_questions(tmp_path / "Art/validation-a.parquet")
    row = {**parquet_row("validation_Art_1", "A"), "image_1": "one.png"}
    with pytest.raises(
        ValueError, match=r"--images must name the folder of one\.png of validation"
    ):
        mmmu_questions.images_of(row, None)


def test_bad_input_is_named(tmp_path):
    path = tmp_path / "output.json"
    with pytest.raises(ValueError, match="--mode must be one of fixed, official, got 'x'"):
        mmmu.score(path, mode="x")
    write_json(path, [choice("validation_Art_1", "A")] * 2)
    with pytest.raises(ValueError, match="id must be unique, got 'validation_Art_1' twice"):
        mmmu.score(path)
    write_json(path, [{"id": "validation_Art_1", "response": "A"}])
    with pytest.raises(ValueError, match="validation_Art_1 must have 'question_type'"):
        mmmu.score(path)
    write_json(path, [open_question("validation_Math_1", "4", 4)])
    with pytest.raises(ValueError, match="_Math_1 answer must be a text or a list, got 4"):
        mmmu.score(path)
    write_json(tmp_path / "answers.json", [choice("validation_Art_1", "A")])
    with pytest.raises(ValueError, match="must be an object of right answers by id, got none"):
        mmmu.score(path, tmp_path / "answers.json")
    write_json(path, [{"id": "validation_Art_1"}])
    with pytest.raises(ValueError, match="row 1 must have 'response'"):
        mmmu.score(path)


def test_a_list_that_python_could_not_read_is_named():
    with pytest.raises(
        ValueError, match=r"a list must be written as Python writes it, got \"\['a'"
    ):
        mmmu_questions.listed("['a', 'b'")
