"""The commands of the understanding benchmarks: their flags, and runs from end to end."""

import argparse
from importlib import import_module

import pytest

from benchmarks.records import write_json, write_lines
from benchmarks.results import Results

from .models import Answerer, Chat, write_grey

NAMES = ["vqav2", "gqa", "pope", "mme", "mmbench", "seed_bench", "textvqa", "mmmu", "mm_vet"]
JUDGED = {"mmbench", "mm_vet"}


def module(name):
    return import_module(f"benchmarks.vqa.{name}")


def parsed(name, verb, *words):
    parser = argparse.ArgumentParser()
    for names, how in module(name).arguments(verb):
        parser.add_argument(*names, **how)
    return parser.parse_args([str(word) for word in words])


@pytest.mark.parametrize("name", NAMES)
def test_each_verb_has_flags_that_argparse_takes_or_none(name):
    for verb in ("generate", "judge", "score", "run"):
        flags = module(name).arguments(verb)
        assert bool(flags) == (verb != "judge" or name in JUDGED)
        parser = argparse.ArgumentParser()
        for names, how in flags:
            parser.add_argument(*names, **how)
    assert module(name).arguments("prompts") == []


def test_a_score_is_printed_and_written_only_where_a_folder_is_named(tmp_path, capsys):
    write_lines(
        tmp_path / "coco_pope_random.json",
        [{"question_id": 1, "image": "a.jpg", "text": "Is there a dog?", "label": "no"}],
    )
    write_lines(tmp_path / "answers.jsonl", [{"answer": "no"}])
    words = ("--records", tmp_path / "answers.jsonl", "--annotations")
    words = (*words, tmp_path / "coco_pope_random.json")
    module("pope").run_verb("score", parsed("pope", "score", *words))
    assert "pope.random.accuracy@coco" in capsys.readouterr().out
    out = tmp_path / "out"
    module("pope").run_verb("score", parsed("pope", "score", *words, "--out", out))
    assert Results.read(out).metrics["pope.random.accuracy@coco"].value == 1.0


def test_missing_answers_are_told_at_the_end(tmp_path, capsys):
    questions = {name: {"imageId": "n", "question": "?", "answer": "no"} for name in "ab"}
    write_json(tmp_path / "questions.json", questions)
    write_json(tmp_path / "p.json", [{"questionId": "a", "prediction": "no"}])
    words = ("--records", tmp_path / "p.json", "--annotations", tmp_path / "questions.json")
    options = parsed("gqa", "score", *words, "--allow-missing")
    module("gqa").run_verb("score", options)
    assert "1 of 2 not scored" in capsys.readouterr().out


def test_a_run_asks_and_scores(tmp_path, capsys):
    write_grey(tmp_path / "images" / "n.jpg")
    write_json(tmp_path / "q.json", {"a": {"imageId": "n", "question": "?", "answer": "no"}})
    words = ("--model", "m", "--questions", tmp_path / "q.json", "--images", tmp_path / "images")
    options = parsed("gqa", "run", *words, "--out", tmp_path / "out")
    options.model = Answerer(lambda text: "No.")
    module("gqa").run_verb("run", options)
    assert Results.read(tmp_path / "out").metrics["gqa.overall@q"].value == 100.0
    assert "gqa.overall@q" in capsys.readouterr().out


def test_a_run_with_a_judge_asks_judges_and_scores(tmp_path):
    write_grey(tmp_path / "images" / "a.jpg")
    row = {"imagename": "a.jpg", "question": "?", "answer": "cat", "capability": ["rec"]}
    write_json(tmp_path / "mm-vet.json", {"v1_0": row})
    words = ("--model", "m", "--judge-url", "http://localhost/v1", "--judge-model", "j")
    words = (*words, "--images", tmp_path / "images", "--out")
    words = (*words, tmp_path / "out", "--annotations", tmp_path / "mm-vet.json")
    options = parsed("mm_vet", "run", *words)
    options.model, options.judge = Answerer(lambda text: "a cat"), Chat(lambda text: "0.7")
    module("mm_vet").run_verb("run", options)
    metrics = Results.read(tmp_path / "out").metrics
    assert metrics["mm_vet.overall@chat-1"].value == pytest.approx(70)
