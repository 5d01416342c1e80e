"""Captions that are GenEval's prompts, in every form of caption file."""

import json

import pytest

from benchmarks.__main__ import main
from benchmarks.contamination import read_captions, search
from benchmarks.records import write_lines

CAPTIONS = [
    "A photo of a red  dog.",  # by a template, whatever its case and spaces
    "a photo of a dog",  # the benchmark's own
    "a dog on a lawn",
    "a photo of a dog",
]


def test_templates_and_prompts_are_counted_with_their_numbers():
    found = search(iter(CAPTIONS), ["a photo of a dog", "a photo of a cat"])
    assert (found.captions, found.templates, found.prompts) == (4, 3, 2)
    assert found.distinct_prompts == 1
    assert [number for number, _ in found.examples] == [1, 2, 4]


def test_captions_are_read_from_every_form(tmp_path):
    rows = [{"id": n, "text": caption} for n, caption in enumerate(CAPTIONS)]
    (tmp_path / "a.txt").write_text("\n".join(CAPTIONS) + "\n\n")
    write_lines(tmp_path / "a.jsonl", rows)
    (tmp_path / "a.json").write_text(json.dumps({"one": rows[0], "two": CAPTIONS[1]}))
    (tmp_path / "a.csv").write_text('id,note\n1,"a dog, red"\n')
    assert [one.strip() for one in read_captions(tmp_path / "a.txt")] == CAPTIONS
    assert list(read_captions(tmp_path / "a.jsonl")) == CAPTIONS
    assert list(read_captions(tmp_path / "a.json")) == CAPTIONS[:2]
    assert list(read_captions(tmp_path / "a.csv", "note")) == ["a dog, red"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.parquet", "x", "captions must be .txt, .jsonl, .json, .csv or .tsv, got '.parquet'"),
        ("a.jsonl", '{"id": 1}\n', "line 1 must have a text 'caption or text or prompt'"),
        ("a.jsonl", '{"id": ', "line 1 must be JSON"),
        ("a.csv", "id\n1\n", "record 1 must have a text"),
        ("a.json", "5", "a.json must hold a list or an object, got 5"),
        ("a.json", "{", "a.json must be a whole JSON document"),
        ("a.txt", "\n", "must hold at least one caption"),
    ],
)
def test_a_file_of_another_form_is_one_line_and_status_two(name, text, message, tmp_path, capsys):
    (tmp_path / name).write_text(text)
    assert main(["contamination", str(tmp_path / name)]) == 2
    assert message in capsys.readouterr().err


def test_the_command_prints_and_writes_what_it_finds(tmp_path, capsys):
    (tmp_path / "a.txt").write_text("\n".join(CAPTIONS))
    dog = {"tag": "single_object", "include": [{"class": "dog", "count": 1}]}
    write_lines(tmp_path / "prompts.jsonl", [{**dog, "prompt": "a photo of a dog"}])
    flags = ["--prompts", str(tmp_path / "prompts.jsonl"), "--out", str(tmp_path / "found.json")]
    assert main(["contamination", str(tmp_path / "a.txt"), *flags]) == 0
    printed = capsys.readouterr().out
    assert "4 captions, 3 of them by a template" in printed
    assert "2 are prompts of the benchmark (1 of 1 prompts occur)" in printed
    assert json.loads((tmp_path / "found.json").read_text())["templates"] == 3
