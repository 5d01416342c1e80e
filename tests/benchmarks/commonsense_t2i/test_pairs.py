"""The pairs of prompts: official columns as JSON or CSV, and what is refused by name."""

import json

import pytest

from benchmarks.commonsense_t2i.pairs import Slot, read_pairs, slots

LAMP = {
    "prompt1": "a lightbulb without electricity",
    "prompt2": "a lightbulb with electricity",
    "description1": "The lightbulb\nis unlit",
    "description2": "The lightbulb is lit",
    "category": "physics",
    "likelihood": 2,
}
ICE = {
    "prompt1": "ice in the sun",
    "prompt2": "ice in the freezer",
    "description1": "Water",
    "description2": "Ice",
}


def written(path, rows):
    if path.suffix == ".csv":
        head = ",".join(rows[0])
        lines = [",".join(f'"{value}"' for value in row.values()) for row in rows]
        path.write_text("\n".join([head, *lines]) + "\n")
    elif path.suffix == ".json":
        path.write_text(json.dumps(rows))
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("suffix", [".json", ".jsonl", ".csv"])
def test_a_pair_is_read_alike_from_a_list_from_lines_and_from_a_table(tmp_path, suffix):
    [pair] = read_pairs(written(tmp_path / f"data{suffix}", [LAMP]))
    assert pair.descriptions == ("The lightbulb, is unlit", "The lightbulb is lit")
    assert (pair.prompt(1), pair.opposed(1)) == (LAMP["prompt1"], LAMP["prompt2"])
    assert (pair.prompt(2), pair.opposed(2)) == (LAMP["prompt2"], LAMP["prompt1"])
    assert pair.category == "physics"


def test_the_notes_on_a_pair_may_be_absent(tmp_path):
    [pair] = read_pairs(written(tmp_path / "data.json", [ICE]))
    assert pair.category == "all"


@pytest.mark.parametrize("suffix", [".json", ".csv"])
@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({**ICE, "prompt3": "x"}, "must have no column but prompt1, .*, got 'prompt3'"),
        ({key: ICE[key] for key in list(ICE)[:3]}, "must have 'description2', got prompt1, "),
        ({**ICE, "prompt2": " "}, "pair 1 must have a text as prompt2, got ' '"),
    ],
)
def test_a_wrong_column_or_an_empty_text_is_named(tmp_path, suffix, row, message):
    with pytest.raises(ValueError, match=message):
        read_pairs(written(tmp_path / f"data{suffix}", [row]))


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("data.json", "[]", "must hold at least one pair of prompts"),
        ("data.csv", "prompt1,prompt2,description1,description2\n", "at least one pair"),
        ("data.csv", "prompt1,prompt2,description1,description2\n1,2,3,4,5\n", "pair 1 must have"),
        ("data.json", "[1]", "pair 1 must have prompt1, "),
        ("data.json", '[{"prompt1":', "must be a whole JSON document"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=message):
        read_pairs(tmp_path / name)


def test_images_lie_where_the_official_code_puts_them(tmp_path):
    pairs = read_pairs(written(tmp_path / "data.json", [LAMP, ICE]))
    assert Slot(1, 1, 1).name == "prompt1_img/original/0001-1"
    places = slots(pairs, 4)
    assert len(places) == 16
    assert places[5].name == "prompt2_img/original/0001-2"
    assert places[-1].name == "prompt2_img/original/0002-4"
