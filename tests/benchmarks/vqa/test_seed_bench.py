"""SEED-Bench: the first character of a reply, image and video parts."""

import pytest

from benchmarks.records import MissingItemsError, read_json, write_json, write_lines
from benchmarks.vqa import seed_bench
from benchmarks.vqa.asking import Round

from .models import Answerer, write_grey

ANSWERS = ("A", "B", "C")


def write_questions(folder):
    rows = [
        {
            "question_id": f"{n}",
            "question_type_id": 1 if n < 2 else 10,
            "data_id": f"picture{n}",
            "data_type": "image" if n < 2 else "video",
            "question": f"Which {n}?",
            "answer": answer,
            **{f"choice_{letter}": f"{letter}{n}" for letter in "abcd"},
        }
        for n, answer in enumerate(ANSWERS)
    ]
    document = {"question_type": {"Scene": 1, "Action": 10}, "questions": rows}
    write_json(folder / "SEED-Bench.json", document)
    return folder / "SEED-Bench.json"


def scored(folder, replies, **settings):
    write_lines(
        folder / "answers.jsonl",
        [{"question_id": f"{n}", "prediction": reply} for n, reply in enumerate(replies)],
    )
    return seed_bench.score(folder / "answers.jsonl", write_questions(folder), **settings)


@pytest.mark.parametrize(
    ("reply", "character"),
    [(" A. a0", "A"), ("Because", "B"), ("(A)", "("), ("a", "a"), ("", "")],
)
def test_the_first_character_is_the_answer(reply, character):
    assert seed_bench.first_character(reply) == character


def test_the_image_part_alone_where_no_video_was_asked_about(tmp_path):
    results = scored(tmp_path, ["A", "(B)"])
    assert [item.cluster for item in results.items] == ["picture0", "picture1"]
    metrics = results.metrics
    assert {name: metric.value for name, metric in metrics.items()} == {
        "seed_bench.image@letter": 50.0,
        "seed_bench.type.Scene@letter": 50.0,
    }


def test_the_parts_and_all_where_videos_were_asked_about(tmp_path):
    metrics = scored(tmp_path, ["A", "B", "D"]).metrics
    assert metrics["seed_bench.image@letter"].value == 100.0
    assert metrics["seed_bench.video@letter"].value == 0.0
    assert metrics["seed_bench.type.Action@letter"].value == 0.0
    assert metrics["seed_bench.all@letter"].value == pytest.approx(200 / 3, abs=1e-9)


@pytest.mark.parametrize(
    ("reply", "image"),
    [
        (lambda text: "AB"[int(text[6])], 100.0),
        (lambda text: "B", 50.0),
    ],
)
def test_the_score_of_a_perfect_and_of_a_constant_model(reply, image, tmp_path):
    path = write_questions(tmp_path)
    for number in range(2):
        write_grey(tmp_path / "images" / f"picture{number}.png")
        (tmp_path / "images" / f"picture{number}.png").rename(
            tmp_path / "images" / f"picture{number}"
        )
    model = Answerer(reply)
    asked = Round(model=model, prompts=path, out=tmp_path / "out")
    records = seed_bench.generate(asked, tmp_path / "images")
    assert seed_bench.score(records, path).metrics["seed_bench.image@letter"].value == image
    assert model.asked[0].text == (
        "Which 0?\nA. a0\nB. b0\nC. c0\nD. d0\n"
        "Answer with the option's letter from the given choices directly."
    )


def test_bad_files_are_named(tmp_path):
    with pytest.raises(MissingItemsError, match="1 of 2 missing or unreadable: 1"):
        scored(tmp_path, ["A"])
    assert scored(tmp_path, ["A"], allow_missing=True).n_scored == 1
    path = tmp_path / "SEED-Bench.json"
    write_json(path, {"questions": [{"question_id": 1}]})
    with pytest.raises(ValueError, match="entry 1 must have 'question_type_id'"):
        seed_bench.score(tmp_path / "answers.jsonl", path)
    scored(tmp_path, ["A", "B"])
    write_json(path, {**read_json(path), "question_type": ["Scene"]})
    with pytest.raises(ValueError, match=r"json question_type must be an object, got \"\['Scene"):
        seed_bench.score(tmp_path / "answers.jsonl", path)
    write_json(path, {"questions": []})
    with pytest.raises(ValueError, match="must hold at least one entry, got none"):
        seed_bench.score(tmp_path / "answers.jsonl", path)
