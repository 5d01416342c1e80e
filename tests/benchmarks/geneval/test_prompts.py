"""The templates of GenEval's prompts, and what a metadata file must look like."""

import pytest

from benchmarks.geneval.prompts import (
    CLASSES,
    describe,
    plural,
    read_prompts,
    template_pattern,
    template_prompt,
)
from benchmarks.records import write_lines

DOG = {"class": "dog", "count": 1}
CLOCK = {"class": "clock", "count": 1}


def record(tag: str, *include: dict, **more: object) -> dict:
    return {"tag": tag, "include": list(include), "prompt": "a photo", **more}


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        (record("single_object", {"class": "oven", "count": 1}), "a photo of an oven"),
        (record("two_object", DOG, CLOCK), "a photo of a dog and a clock"),
        (record("counting", {"class": "bus", "count": 3}), "a photo of three buses"),
        (record("counting", {"class": "bench", "count": 4}), "a photo of four benchs"),
        (record("colors", {**DOG, "color": "orange"}), "a photo of an orange dog"),
        # the target stands first in the record and last in the text
        (
            record("position", CLOCK, {**DOG, "position": ["left of", 0]}),
            "a photo of a dog left of a clock",
        ),
        (
            record("color_attr", {**DOG, "color": "red"}, {**CLOCK, "color": "blue"}),
            "a photo of a red dog and a blue clock",
        ),
    ],
)
def test_a_template_makes_the_official_text(asked, text):
    assert template_prompt(asked) == text
    assert template_pattern().fullmatch(text)


@pytest.mark.parametrize(
    "text",
    ["a photo of a unicorn", "a dog", "a photo of a dog and a clock and a cat", "a photo of"],
)
def test_other_texts_follow_no_template(text):
    assert template_pattern().fullmatch(text) is None


def test_a_number_that_no_template_has_makes_a_prompt_a_rewritten_one(tmp_path):
    twelve = record("counting", {**DOG, "count": 12}, prompt="a photo of twelve dogs")
    write_lines(tmp_path / "prompts.jsonl", [twelve])
    assert describe(tmp_path / "prompts.jsonl", read_prompts(tmp_path / "prompts.jsonl"))[
        "rewritten"
    ]


def test_the_plural_is_the_benchmarks_own():
    assert [plural(name) for name in ("dog", "bus", "knife")] == ["dogs", "buses", "knifes"]


def test_there_are_cocos_eighty_classes_under_the_benchmarks_names():
    assert len(set(CLASSES)) == 80
    assert {"computer mouse", "tv remote", "computer keyboard"} < set(CLASSES)
    assert (CLASSES[0], CLASSES[64], CLASSES[79]) == ("person", "computer mouse", "toothbrush")


def test_a_prompt_file_is_rewritten_if_one_text_is_not_the_templates(tmp_path):
    official = record("single_object", DOG, prompt="a photo of a dog")
    longer = {**official, "prompt": "A photo of a small brown dog on a lawn"}
    own = {**longer, "column": "seen"}  # another set's own wording
    for rows, rewritten in (([official, own], False), ([official, longer], True)):
        write_lines(tmp_path / "prompts.jsonl", rows)
        assert describe(tmp_path / "prompts.jsonl", rows)["rewritten"] is rewritten


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (record("dreams", DOG), "line 1 must have a tag of single_object"),
        (record("colors", {"class": "dog"}), "line 1 must have class and count in every clause"),
        (record("counting"), r"line 1 must have a list of clauses in include \(one at least\)"),
        ({**record("colors"), "include": None}, "must have a list of clauses"),
        ({**record("colors", DOG), "exclude": None}, "must have a list of clauses"),
        (record("colors", "dog"), "class and count in every clause, got dog"),
        (record("colors", {**DOG, "count": 0}), "in every clause, 1 to 16, got"),
        (record("colors", {**DOG, "count": -1}), "in every clause, 1 to 16, got"),
        (record("colors", {**DOG, "count": True}), "in every clause, 1 to 16, got"),
        (record("counting", {**DOG, "count": 17}), "in every clause, 1 to 16, got"),
        (record("position", DOG, CLOCK), "two clauses, the second with a position"),
        (
            record("position", DOG, CLOCK, {**CLOCK, "position": ["above", 0]}),
            "two clauses, the second with a position",
        ),
        (record("position", DOG, {**CLOCK, "position": ["above", -1]}), "to an earlier one"),
        (record("position", DOG, {**CLOCK, "position": ["above", "0"]}), "to an earlier one"),
        (record("position", DOG, {**CLOCK, "position": "above"}), "to an earlier one"),
        (record("colors", {**DOG, "color": "mauve"}), "must name a colour of red, .* got 'mauve'"),
        (record("single_object", {**DOG, "class": "unicorn"}), "known classes, got 'unicorn'"),
        (record("position", {**DOG, "position": ["above", 0]}), "relative to an earlier one"),
        (record("position", DOG, {**CLOCK, "position": ["behind", 0]}), "relative to an earlier"),
    ],
)
def test_a_line_of_another_form_is_named(row, message, tmp_path):
    write_lines(tmp_path / "prompts.jsonl", [row])
    with pytest.raises(ValueError, match=message):
        read_prompts(tmp_path / "prompts.jsonl", CLASSES)
