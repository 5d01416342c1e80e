"""Official files: three forms, every fault named, and the protocol beside the answers."""

import pytest

from benchmarks.records import write_json
from benchmarks.vqa.official_files import read_protocol, read_replies, read_rows, write_table

ROWS = [{"id": 1, "text": "a"}, {"id": 2, "text": "b\u2028c"}]


@pytest.mark.parametrize("name", ["rows.json", "lines.json", "rows.tsv", "rows.csv"])
def test_a_file_is_read_alike_in_each_form(name, tmp_path):
    path = tmp_path / name
    if path.suffix in (".tsv", ".csv"):
        write_table(path, ROWS)
    elif name == "rows.json":
        write_json(path, ROWS)
    else:  # lines, as POPE's files named .json
        path.write_text('{"id": 1, "text": "a"}\n\n{"id": 2, "text": "b\u2028c"}', encoding="utf-8")
    assert read_replies(path, "id", "answer", "text") == {"1": "a", "2": "b\u2028c"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", "", "must hold at least one record, got none"),
        ("a.json", "[]", "must hold at least one record, got none"),
        ("a.tsv", "id\ttext\n", "must hold at least one record, got none"),
        ("a.json", '{"id": 1}\n{"id"', "line 2 must be a whole JSON object, got '{\"id\"'"),
        ("a.json", '[{"id": 1}', "must be a whole JSON document"),
        ("a.json", "[3]", "row 1 must be an object, got '3'"),
        ("a.json", '[{"id": 1, "text": "a"}, {"text": "b"}]', "row 2 must have 'id'"),
        ("a.csv", "name,text\n1,a\n", r"row 1 must have 'id', got \['name', 'text'\]"),
        ("a.csv", "id,text\n1\n", "line 2 must have as many cells as the head"),
        ("a.json", '[{"id": 1, "say": "a"}]', "must have a reply as answer or text, got"),
        ("a.json", '[{"id": 1, "text": "a"}, {"id": "1", "text": ""}]', "id must be unique"),
    ],
)
def test_a_bad_file_is_named_with_the_fault(name, text, message, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_replies(tmp_path / name, "id", "answer", "text")


def test_a_reply_that_is_no_text_is_left_to_be_counted(tmp_path):
    write_json(tmp_path / "a.json", [{"id": 1, "text": ""}, {"id": 2, "text": 3}, {"id": 3}])
    assert read_replies(tmp_path / "a.json", "id", "text") == {"1": ""}
    assert len(read_rows(tmp_path / "a.json")) == 3


def test_answers_to_other_questions_are_refused(tmp_path):
    prompts, records = tmp_path / "prompts.json", tmp_path / "answers.json"
    prompts.write_text("the questions")
    manifest = {"prompts": {"file": "old.json", "sha256": "0" * 64}, "model": {"name": "m"}}
    write_json(tmp_path / "manifest.json", manifest)
    with pytest.raises(ValueError, match=r"must answer .*prompts.json .*got answers to old.json"):
        read_protocol(records, prompts)
    protocol = read_protocol(records, None, rule="equal", annotations=prompts)
    assert protocol["model"] == {"name": "m"}
    assert protocol["annotations"]["file"] == "prompts.json"  # a path becomes name and hash
    assert len(protocol["annotations"]["sha256"]) == 64
