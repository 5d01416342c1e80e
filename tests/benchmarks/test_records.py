"""Files between the steps: whole or absent, and every fault named."""

import pytest

from benchmarks.records import (
    MissingItemsError,
    index_by,
    read_judged,
    read_lines,
    read_manifest,
    require_complete,
    whole_file,
    write_generated,
    write_json,
    write_lines,
)


def test_a_file_that_failed_half_way_leaves_the_old_one_and_no_trace(tmp_path):
    path = tmp_path / "records.jsonl"
    write_lines(path, [{"a": 1}])

    def rows():
        yield {"a": 2}
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        write_lines(path, rows())
    assert read_lines(path) == [{"a": 1}]
    assert list(tmp_path.iterdir()) == [path]


def test_a_new_file_appears_only_when_whole(tmp_path):
    with whole_file(tmp_path / "deep" / "new") as partial:
        partial.write_text("whole")
        assert not (tmp_path / "deep" / "new").exists()
    assert (tmp_path / "deep" / "new").read_text() == "whole"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"id": 1}\n{"id": 2', r"line 2 must be a whole JSON object, got '\{\"id\": 2'"),
        ("[1]\n", r"line 1 must be a whole JSON object, got '\[1\]'"),
        ('{"name": 1}\n', r"line 1 must have 'id', got \['name'\]"),
        ("", "must hold at least one record, got none"),
    ],
)
def test_a_damaged_record_is_named_by_its_line(tmp_path, text, message):
    (tmp_path / "records.jsonl").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_lines(tmp_path / "records.jsonl", "id")


def test_duplicate_ids_are_named():
    with pytest.raises(ValueError, match=r"id must be unique, got 3 twice"):
        index_by([{"id": 3}, {"id": 3}], "id")
    with pytest.raises(ValueError, match=r"id\+crop must be unique, got \(3, 0\) twice"):
        index_by([{"id": 3, "crop": 0}, {"id": 3, "crop": 0}], "id", "crop")
    with pytest.raises(ValueError, match=r"id must be texts or numbers, got \[3\]"):
        index_by([{"id": [3]}], "id")
    with pytest.raises(ValueError, match=r"id\+crop must be texts or numbers, got \(3, \{\}\)"):
        index_by([{"id": 3, "crop": {}}], "id", "crop")


def test_missing_items_are_counted_and_the_first_of_them_named():
    with pytest.raises(MissingItemsError, match=r"got 8 of 9 .*: 1, 2, 3, 4, 5, \.\.\.\."):
        require_complete("images", range(9), [0], allow_missing=False)
    assert require_complete("images", range(3), [0, 2], allow_missing=True) == [1]


def test_what_nobody_asked_for_and_what_is_missing_altogether_is_never_allowed():
    with pytest.raises(ValueError, match="images must belong to the prompts, got 7"):
        require_complete("images", range(3), [0, 7], allow_missing=True)
    with pytest.raises(MissingItemsError, match="images must not all be missing, got 0 of 3"):
        require_complete("images", range(3), [], allow_missing=True)


def test_outputs_of_other_prompts_are_refused(tmp_path):
    prompts, others = tmp_path / "prompts", tmp_path / "others"
    prompts.write_text("a dog")
    others.write_text("a cat")
    write_generated(tmp_path, prompts, {"guidance": 3.0}, seeds="one")
    manifest = read_manifest(tmp_path, prompts)
    assert manifest["model"] == {"guidance": 3.0}
    assert manifest["prompts"]["rewritten"] is False
    with pytest.raises(ValueError, match=r"must be made from .*others"):
        read_manifest(tmp_path, others)


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ([], r"manifest of .* must be an object, got \[\]"),
        ({"prompts": "a.json"}, "prompts of .* must have file and sha256, got 'a.json'"),
        ({"images_per_prompt": "4"}, "images_per_prompt of .* must be at least 1, got '4'"),
        ({"images_per_prompt": 0}, "images_per_prompt of .* must be at least 1, got 0"),
    ],
)
def test_a_manifest_of_another_form_is_refused(tmp_path, manifest, message):
    (tmp_path / "prompts").write_text("a dog")
    write_json(tmp_path / "manifest.json", manifest)
    with pytest.raises(ValueError, match=message):
        read_manifest(tmp_path, tmp_path / "prompts")


def test_records_without_a_judge_are_refused(tmp_path):
    (tmp_path / "prompts").write_text("a dog")
    with pytest.raises(ValueError, match=r"must lie beside the manifest.json of its judge"):
        read_judged(tmp_path / "records.jsonl", tmp_path / "prompts")


def test_a_line_ends_in_a_newline_alone(tmp_path):
    path = tmp_path / "records.jsonl"
    path.write_text('{"reply": "one\u2028two\x85three"}\n{"reply": "next"}\n')
    assert [row["reply"] for row in read_lines(path)] == ["one\u2028two\x85three", "next"]
