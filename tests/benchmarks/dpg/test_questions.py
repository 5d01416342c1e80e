"""DPG's CSV and prompts: what is read, and what a broken file says."""

import json

import pytest

from benchmarks import dpg
from benchmarks.dpg.questions import are_rewritten, prompt_texts


def row(item: str, number: int, dependency: str = "0") -> dict[str, str]:
    named = {"item_id": item, "proposition_id": str(number), "dependency": dependency}
    return {**dict.fromkeys(dpg.COLUMNS, ""), **named, "text": f"text of {item}"}


def test_files_that_break_the_form_are_named(tmp_path):
    (tmp_path / "short.csv").write_text("item_id,text\na,b\n")
    with pytest.raises(ValueError, match="must have the column 'keywords'"):
        dpg.read_questions(tmp_path / "short.csv")
    dpg.write_questions(tmp_path / "twice.csv", [row("a", 1), row("a", 1)])
    with pytest.raises(ValueError, match=r"item_id\+proposition_id must be unique"):
        dpg.read_questions(tmp_path / "twice.csv")
    dpg.write_questions(tmp_path / "orphan.csv", [row("a", 1, "7")])
    with pytest.raises(ValueError, match="a proposition 1 must depend on one of its item, got '7'"):
        dpg.read_questions(tmp_path / "orphan.csv")

    dpg.write_questions(tmp_path / "empty.csv", [])
    with pytest.raises(ValueError, match="must have at least one question, got none"):
        dpg.read_questions(tmp_path / "empty.csv")
    dpg.write_questions(tmp_path / "words.csv", [row("a", 1, "one")])
    with pytest.raises(
        ValueError, match=r"question 1 must have whole numbers .* got '1' and 'one'"
    ):
        dpg.read_questions(tmp_path / "words.csv")


def test_a_row_with_fewer_or_more_cells_than_columns_is_refused(tmp_path):
    path = tmp_path / "half.csv"
    dpg.write_questions(path, [row("a", 1), row("b", 1)])
    whole = path.read_text().rstrip()
    path.write_text(whole.rpartition(",")[0])
    with pytest.raises(ValueError, match=r"question 2 must have a cell .* got fewer \(item 'b'\)"):
        dpg.read_questions(path)
    path.write_text(whole + ",")
    with pytest.raises(ValueError, match=r"question 2 must have a cell .* got more \(item 'b'\)"):
        dpg.read_questions(path)


def test_prompts_come_from_the_csv_a_folder_or_a_json(tmp_path):
    items = {"a": [row("a", 1)], "b": [row("b", 1)]}
    for name in items:
        (tmp_path / f"{name}.txt").write_text(f"text  of {name}\n")
    (tmp_path / "prompts.json").write_text(json.dumps({"a.txt": "an A", "b.txt": "a B"}))
    assert prompt_texts(items, None) == {"a": "text of a", "b": "text of b"}
    same = prompt_texts(items, tmp_path)
    assert not are_rewritten(items, same)  # but for a space
    others = prompt_texts(items, tmp_path / "prompts.json")
    assert others == {"a": "an A", "b": "a B"}
    assert are_rewritten(items, others)
    (tmp_path / "b.txt").unlink()
    with pytest.raises(ValueError, match=r"prompts must be complete .*1 of 2 .*: b"):
        prompt_texts(items, tmp_path)
