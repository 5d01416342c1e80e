"""`python -m benchmarks exchange`: old runs in and out by the command line."""

import pytest

from benchmarks.__main__ import main
from benchmarks.records import read_json, write_json, write_lines
from benchmarks.results import Item, Metric, Results


def exchange(*words):
    return main(["exchange", *map(str, words)])


def results(name, value):
    metric = Metric(value=value, ci_low=value - 1.96, ci_high=value + 1.96, n=1)
    item = Item(name="1", cluster="1", stratum="other", value=value)
    return Results(
        benchmark="vqav2",
        protocol={},
        n_expected=1,
        n_scored=1,
        metrics={name: metric},
        items=[item],
    )


def test_replies_of_lmms_eval_become_official_answers(tmp_path):
    rows = [
        {"doc_id": n, "filtered_resps": [reply], "doc": {"question_id": 10 + n}}
        for n, reply in enumerate(["a dog", "two"])
    ]
    write_lines(tmp_path / "samples.jsonl", rows)
    out = tmp_path / "answers.json"
    assert exchange("lmms-eval-replies", tmp_path / "samples.jsonl", "--out", out) == 0
    assert read_json(out) == [
        {"question_id": 10, "answer": "a dog"},
        {"question_id": 11, "answer": "two"},
    ]


def test_results_of_lmms_eval_become_ours_and_go_back(tmp_path):
    document = {
        "results": {"gqa": {"exact_match,none": 0.5, "exact_match_stderr,none": 0.1}},
        "n-samples": {"gqa": {"original": 4, "effective": 4}},
    }
    write_json(tmp_path / "old.json", document)
    assert exchange("lmms-eval-results", tmp_path / "old.json", "--out", tmp_path / "in") == 0
    read = Results.read(tmp_path / "in" / "gqa")
    assert read.metrics["gqa.exact_match@lmms-eval"].value == 0.5
    back = tmp_path / "back.json"
    assert exchange("to-lmms-eval", tmp_path / "in" / "gqa", "--out", back) == 0
    assert read_json(back)["results"]["gqa"]["exact_match,lmms-eval"] == 0.5


def test_vqa_accuracy_goes_out_rounded_and_comes_in(tmp_path):
    results("vqav2.overall@val2014", 71.236).write(tmp_path / "ours")
    file = tmp_path / "accuracy.json"
    assert exchange("to-vqa-accuracy", tmp_path / "ours", "--out", file) == 0
    assert read_json(file)["overall"] == 71.24
    assert exchange("vqa-accuracy", file, "--out", tmp_path / "again") == 0
    assert Results.read(tmp_path / "again").metrics["vqav2.overall@val2014"].value == 71.24


def test_a_second_file_is_refused_where_one_is_read(tmp_path, capsys):
    assert exchange("vqa-accuracy", tmp_path / "a", tmp_path / "b", "--out", tmp_path) == 2
    assert "must have one file to read, got 2" in capsys.readouterr().err


@pytest.mark.parametrize("task", ["../escape", "/tmp/escape", "..", ".", ""])
def test_a_task_is_never_written_outside_the_folder(tmp_path, capsys, task):
    write_json(tmp_path / "old.json", {"results": {"gqa": {"acc": 1.0}, task: {"acc": 1.0}}})
    assert (
        exchange("lmms-eval-results", tmp_path / "old.json", "--out", tmp_path / "in" / "it") == 2
    )
    assert f"must be named as a folder can be, got {task!r}" in capsys.readouterr().err
    assert not (tmp_path / "in").exists()


def test_two_results_of_one_benchmark_are_refused_where_there_is_room_for_one(tmp_path, capsys):
    for name, value in (("a", 10.0), ("b", 90.0)):
        results("vqav2.overall@val2014", value).write(tmp_path / name)
    out = tmp_path / "out.json"
    assert exchange("to-lmms-eval", tmp_path / "a", tmp_path / "b", "--out", out) == 2
    assert "must have each benchmark once, got 2 of vqav2" in capsys.readouterr().err
    assert not out.exists()
