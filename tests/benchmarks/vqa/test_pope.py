"""POPE: the official word rule, five figures a split, and what divides by nothing."""

import json

import pytest

from benchmarks.records import MissingItemsError, write_json, write_lines
from benchmarks.vqa import pope
from benchmarks.vqa.asking import Round

from .models import Answerer, write_grey

LABELS = ("yes", "no", "yes", "no")  # of four questions about two images


def write_split(folder, name="coco_pope_random.json", labels=LABELS):
    rows = [
        {"question_id": n, "image": f"{n // 2}.jpg", "text": f"Is there a {n}?", "label": label}
        for n, label in enumerate(labels, start=1)
    ]
    write_lines(folder / name, rows)
    return folder / name


def scored(folder, replies, **settings):
    path = write_split(folder)
    write_lines(folder / "answers.jsonl", [{"answer": reply} for reply in replies])
    return pope.score([folder / "answers.jsonl"], [path], **settings)


@pytest.mark.parametrize(
    ("reply", "yes"),
    [
        ("Yes, there is.", True),
        ("No", False),
        ("no, there is none", False),
        ("NO", True),  # neither "No" nor "no"
        ("none", True),
        ("nothing", True),
        ('"no"', True),
        ("no\n", True),  # only spaces part words
        ("", True),
        ("There is not. Yes", False),
        ("Yes. No, there is not.", True),  # only what stands before the first period is read
        ("n,o", False),  # commas go
        ("No?", True),
    ],
)
def test_only_three_words_of_the_first_sentence_mean_no(reply, yes):
    assert pope.says_yes(reply) is yes


def test_the_figures_of_a_split(tmp_path):
    # right answers: yes no yes no; said: yes yes no no -> TP 1, FP 1, FN 1, TN 1
    results = scored(tmp_path, ["yes", "yes", "no", "no"])
    metrics = results.metrics
    assert [item.value for item in results.items] == [1, 0, 0, 1]
    for name in ("accuracy", "precision", "recall", "f1", "yes_ratio"):
        assert metrics[f"pope.random.{name}@coco"].value == pytest.approx(1 / 2, abs=1e-12)
    # said: yes yes yes no -> TP 2, FP 1, FN 0, TN 1: P 2/3, R 1, F1 2 x 2/3 / (5/3) = 4/5
    metrics = scored(tmp_path, ["yes", "yes", "yes", "no"]).metrics
    expected = {"accuracy": 3 / 4, "precision": 2 / 3, "recall": 1, "f1": 4 / 5, "yes_ratio": 3 / 4}
    for name, value in expected.items():
        assert metrics[f"pope.random.{name}@coco"].value == pytest.approx(value, abs=1e-12)


def test_the_questions_of_an_image_are_resampled_together(tmp_path):
    # image 0 has the questions 1 (yes, alone); 1 has 2, 3; 2 has 4: all of image 1 wrong.
    # resamples of three images that draw it k times: accuracy (3 - k) / (3 + k), from 1 to 0,
    # widened to t of two degrees, 4.303: 4.303 / 1.960 * sqrt(3 / 2) = 2.689 times
    interval = scored(tmp_path, ["yes", "yes", "no", "no"]).metrics["pope.random.accuracy@coco"]
    assert interval.ci_low == pytest.approx(0.5 - 0.5 * 2.689, abs=0.001)
    assert interval.ci_high == pytest.approx(0.5 + 0.5 * 2.689, abs=0.001)


def test_one_image_has_no_interval(tmp_path):
    path = write_split(tmp_path, labels=("yes",))  # whose image is 0.jpg
    write_lines(tmp_path / "answers.jsonl", [{"answer": "yes"}])
    metrics = pope.score([tmp_path / "answers.jsonl"], [path]).metrics
    assert {metric.ci_low for metric in metrics.values()} == {None}


def test_questions_about_other_images_than_cocos_are_another_score(tmp_path):
    names = ("gqa_pope_seem_random.json", "coco_pope_popular.json")
    paths = [write_split(tmp_path, name) for name in names]
    records = tmp_path / "answers.jsonl"
    write_lines(records, [{"answer": "yes"}] * 4)
    assert "pope.random.f1@gqa-seem" in pope.score([records], paths[:1]).metrics
    with pytest.raises(ValueError, match="must be of one set of images, got coco and gqa-seem"):
        pope.score([records] * 2, paths)


def test_what_divides_by_nothing_is_left_out_with_a_warning(tmp_path, caplog):
    metrics = scored(tmp_path, ["no"] * 4).metrics
    assert metrics["pope.random.recall@coco"].value == 0.0
    assert metrics["pope.random.yes_ratio@coco"].value == 0.0
    assert not {"pope.random.precision@coco", "pope.random.f1@coco"} & set(metrics)
    assert "pope.random.f1@coco" in caplog.text


def test_f1_over_the_splits_is_given_as_their_mean_and_of_all_replies(tmp_path):
    paths = [write_split(tmp_path, f"coco_pope_{name}.json") for name in ("random", "popular")]
    records = [tmp_path / "random.jsonl", tmp_path / "popular.jsonl"]
    for path, replies in zip(records, ("yes no yes no", "yes yes yes yes"), strict=True):
        write_lines(path, [{"answer": reply} for reply in replies.split()])
    results = pope.score(records, paths)
    metrics = results.metrics
    assert {item.cluster for item in results.items} == {"0.jpg", "1.jpg", "2.jpg"}  # in both
    # random: F1 1; popular: P 1/2, R 1 -> F1 2/3; all: TP 4, FP 2, FN 0 -> P 2/3, R 1 -> 4/5
    assert metrics["pope.mean.f1@coco"].value == pytest.approx(5 / 6, abs=1e-12)
    assert metrics["pope.all.f1@coco"].value == pytest.approx(4 / 5, abs=1e-12)


@pytest.mark.parametrize(
    ("reply", "accuracy"),
    [
        (lambda text: "No." if int(text[11]) % 2 == 0 else "Yes.", 1.0),
        (lambda text: "Yes.", 1 / 2),  # chance: half of the questions have yes
    ],
)
def test_the_score_of_a_perfect_and_of_a_constant_model(reply, accuracy, tmp_path):
    path = write_split(tmp_path)
    for number in range(3):
        write_grey(tmp_path / "images" / f"{number}.jpg")
    asked = Round(model=Answerer(reply), prompts=path, out=tmp_path / "out")
    records = pope.generate(asked, tmp_path / "images")
    results = pope.score([records], [path])
    assert results.metrics["pope.random.accuracy@coco"].value == accuracy
    assert results.protocol["model"] == {"model": "answerer"}
    first = json.loads(records.read_text().split("\n")[0])
    assert first == {
        "question_id": 1,
        "question": "Is there a 1?",
        "answer": reply("Is there a 1?"),
    }


def test_bad_files_are_named(tmp_path):
    with pytest.raises(ValueError, match="an answer for each of 4 questions, in their order"):
        scored(tmp_path, ["yes"] * 3)
    path = write_split(tmp_path)
    records = tmp_path / "answers.jsonl"
    write_lines(records, [{"question": "Is there a 2?", "answer": "no"}] * 4)
    with pytest.raises(ValueError, match=r"line 1 must answer 'Is there a 1.', got 'Is there a 2."):
        pope.score([records], [path])
    write_lines(records, [{"question_id": n, "text": "no"} for n in (1, 2, 3)])
    with pytest.raises(MissingItemsError, match=r"random answers must be complete.*1 of 4.*: 4"):
        pope.score([records], [path])
    assert pope.score([records], [path], allow_missing=True).n_scored == 3
    write_lines(records, [{"question_id": n, "text": "no"} for n in (1, 2, 3, 3)])
    with pytest.raises(ValueError, match="question_id must be unique, got '3' twice"):
        pope.score([records], [path])
    with pytest.raises(ValueError, match="a file for each of 1 question files, got 2"):
        pope.score([records, records], [path])
    with pytest.raises(ValueError, match="must name different splits, got random, random"):
        pope.score([records, records], [path, path])
    write_lines(records, [{"answer": "no"}] * 2)
    write_split(tmp_path, labels=["yes", "maybe"])
    with pytest.raises(ValueError, match="label must be yes or no, got 'maybe'"):
        pope.score([records], [path])


def test_splits_that_were_answered_unlike_are_refused(tmp_path):
    paths = [write_split(tmp_path, f"coco_pope_{name}.json") for name in ("random", "popular")]
    records = [tmp_path / name / "answers.jsonl" for name in ("random", "popular")]
    for path, model in zip(records, "mn", strict=True):
        write_lines(path, [{"answer": "no"}] * 4)
        write_json(path.parent / "manifest.json", {"prompts": None, "model": {"model": model}})
    with pytest.raises(ValueError, match="must be made alike, got another protocol for 'popular'"):
        pope.score(records, paths)


def test_a_reply_with_an_odd_line_separator_is_one_reply(tmp_path):
    path = write_split(tmp_path, labels=["no"])
    records = tmp_path / "answers.jsonl"
    records.write_text('{"answer": "no\u2028 ok"}\n', encoding="utf-8")
    # parted by spaces alone: "no<separator>" is no "no", so it counts as yes
    assert pope.score([records], [path]).metrics["pope.random.accuracy@coco"].value == 0.0
