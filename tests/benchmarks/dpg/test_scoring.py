"""DPG's scores: dependency zeroing, means over crops and items, and what a broken file says."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import dpg
from benchmarks.dpg.questions import read_official
from benchmarks.dpg.scoring import MODES, read_reply, zero_in_order
from benchmarks.records import MissingItemsError, write_json, write_lines
from benchmarks.results import Results


def row(
    item: str, number: int | str, dependency: str = "0", broad: str = "entity", **more: str
) -> dict:
    named = {"item_id": item, "proposition_id": str(number), "dependency": dependency, **more}
    return {**dict.fromkeys(dpg.COLUMNS, ""), **named, "text": item, "category_broad": broad}


def scored(folder: Path, rows: list[dict], answers: dict, **how: Any) -> Results:
    """Score `answers`: item -> crop -> replies in the order of its rows."""
    dpg.write_questions(folder / "bench.csv", rows)
    records = [
        {
            "item_id": item,
            "crop": crop,
            "proposition_id": asked["proposition_id"],
            "answer": reply,
        }
        for item, crops in answers.items()
        for crop, replies in enumerate(crops)
        for asked, reply in zip(
            [one for one in rows if one["item_id"] == item], replies, strict=True
        )
    ]
    write_lines(folder / "records.jsonl", records)
    write_json(folder / "manifest.json", {"label": "test"})
    return dpg.score(folder / "records.jsonl", folder / "bench.csv", **how)


@pytest.mark.parametrize(
    ("answers", "parents", "expected"),
    [
        # a yes whose parent is a no becomes a no
        ({"1": False, "2": True}, {"1": [], "2": ["1"]}, {"1": False, "2": False}),
        # one of two parents is enough
        (
            {"1": True, "2": False, "3": True},
            {"1": [], "2": [], "3": ["1", "2"]},
            {"1": True, "2": False, "3": False},
        ),
        # a chain falls whole, though its last link stands before its first
        (
            {"3": True, "2": True, "1": False},
            {"3": ["2"], "2": ["1"], "1": []},
            {"3": False, "2": False, "1": False},
        ),
        # a circle of yeses stands
        ({"1": True, "2": True}, {"1": ["2"], "2": ["1"]}, {"1": True, "2": True}),
    ],
)
def test_a_question_is_a_no_where_what_it_depends_on_is_a_no(answers, parents, expected):
    assert dpg.zero_dependents(answers, parents) == expected


def test_the_score_is_a_mean_of_items_of_crops_of_questions_in_points(tmp_path):
    rows = [row("a", 1), row("a", 2, "1", "attribute"), row("b", 1), row("c", 1)]
    answers = {
        "a": [["yes", "yes"], ["yes", "no"], ["no", "yes"], ["no", "no"]],
        "b": [["yes"]] * 4,
        "c": [["no"]] * 4,
    }
    metrics = scored(tmp_path, rows, answers).metrics
    # a: (2/2 + 1/2 + 0 + 0) / 4 = 0.375, as its third crop's yes depends on a no
    expected = {
        "dpg.overall@test": 100 * (0.375 + 1 + 0) / 3,
        "dpg.entity@test": 100 * (2 + 4 + 0) / 12,
        "dpg.attribute@test": 100 * 1 / 4,
    }
    assert {name: metrics[name].value for name in expected} == pytest.approx(expected)


def test_an_unreadable_reply_fails_the_run_unless_allowed_and_drops_its_crop_alone(tmp_path):
    rows = [row("a", 1)]
    answers = {"a": [[" Yes "], ["a dog"], ["no"], ["yes"]]}
    with pytest.raises(MissingItemsError, match=r"1 of 4 missing or unreadable: \('a', 1, '1'\)"):
        scored(tmp_path, rows, answers)
    results = scored(tmp_path, rows, answers, allow_missing=True)
    assert results.metrics["dpg.overall@test"].value == pytest.approx(100 * 2 / 3)


def official_rows() -> list[dict]:
    return [
        row("first", 1, tuple="entity - whole (dog)"),  # passed over by the official code
        row("first", 2, "1", tuple="attribute - color (dog, red)"),
        row("a", 1, tuple="entity - whole (dog)"),
        row("a", 2, "1", tuple="attribute - color (dog, red)"),
        row("a", 3, "2", tuple="global - (photo)"),
    ]


ANSWERS = {
    "first": [["yes", "yes"]] * 4,
    "a": [["yes", "yes", "yes"]] * 3 + [["no", "yes", "Yes"]],
}


def test_the_official_mode_loses_the_prompt_of_the_first_row(tmp_path):
    results = scored(tmp_path, official_rows(), ANSWERS, mode="official")
    # "a": 1, 1, 1, and 0 in the last image, whose chain falls from its first link
    assert results.metrics["dpg.overall@test-official"].value == 75.0
    assert results.protocol["dropped"] == ["first"]
    assert (results.n_expected, results.n_scored) == (2, 1)


def test_official_categories_are_of_the_last_image_before_the_zeroing(tmp_path):
    metrics = scored(tmp_path, official_rows(), ANSWERS, mode="official").metrics
    # last image of "a": no, yes, and "Yes", which is no yes to the letter
    expected = {
        "dpg.entity@test-official": 0.0,
        "dpg.entity-whole@test-official": 0.0,
        "dpg.attribute@test-official": 100.0,
        "dpg.attribute-color@test-official": 100.0,
        "dpg.global@test-official": 0.0,
    }
    assert {name: metrics[name].value for name in expected} == expected
    assert "dpg.global-@test-official" not in metrics


def test_fixed_categories_are_of_all_images_after_the_zeroing(tmp_path):
    metrics = scored(tmp_path, official_rows(), ANSWERS).metrics
    # colour: 4 of 4 in "first", 3 of 4 in "a"; photo: "Yes" counts, but its parent fell
    assert metrics["dpg.attribute@test"].value == pytest.approx(100 * 7 / 8)
    assert metrics["dpg.global@test"].value == 75.0
    assert metrics["dpg.overall@test"].value == pytest.approx(100 * (1 + 3 / 4) / 2)


def test_the_official_zeroing_is_one_pass_in_the_order_of_the_file():
    falls = [row("a", 1), row("a", 2, "1"), row("a", 3, "2")]
    # 2 falls with 1, then 3 with 2
    answers = {"1": False, "2": True, "3": True}
    assert zero_in_order(answers, falls) == {"1": False, "2": False, "3": False}
    # with 3 before 2, 3 is looked at while 2 still stands
    stays = [falls[0], falls[2], falls[1]]
    assert zero_in_order(answers, stays) == {"1": False, "2": False, "3": True}


def test_the_official_code_stumbles_over_an_unread_parent_only_if_it_looks_it_up():
    rows = [row("a", 2), row("a", 3, "2,1")]
    # 2 is a no, so that 1 is not looked up
    assert zero_in_order({"2": False, "3": True}, rows) == {"2": False, "3": False}
    with pytest.raises(KeyError):
        zero_in_order({"2": True, "3": True}, rows)


def test_numbers_of_the_csv_may_have_zeros_and_spaces_before_them(tmp_path):
    # " 01" is 1 and "00" is no parent: 2 falls with 1, 3 stands alone
    rows = [row("a", 1, "00"), row("a", "02", " 01"), row("a", 3, "0,00")]
    metrics = scored(tmp_path, rows, {"a": [["no", "yes", "yes"]] * 4}).metrics
    assert metrics["dpg.overall@test"].value == pytest.approx(100 / 3)
    rows = [row("z", 1), *rows]
    answers = {"z": [["no"]] * 4, "a": [["no", "yes", "yes"]] * 4}
    metrics = scored(tmp_path, rows, answers, mode="official").metrics
    assert metrics["dpg.overall@test-official"].value == pytest.approx(100 / 3)


def test_a_set_of_which_the_official_code_loses_every_prompt_has_no_score(tmp_path):
    rows = [row("a", 1), row("a", 2, "1")]
    with pytest.raises(ValueError, match="must leave a prompt to score, got 1 lost"):
        scored(tmp_path, rows, {"a": [["yes", "yes"]] * 4}, mode="official")


def test_the_official_code_keeps_the_later_row_and_the_last_block(tmp_path):
    rows = [
        row("first", 1),
        row("a", 1, tuple="entity - whole (dog)"),
        row("a", 2, tuple="entity - whole (cat)"),
        row("a", 1, tuple="other - count (dog, two)"),
        row("b", 1),
        row("c", 1),
        row("b", 2),
    ]
    dpg.write_questions(tmp_path / "bench.csv", rows)
    items = read_official(tmp_path / "bench.csv")
    assert [one["tuple"] for one in items["a"]] == [
        "other - count (dog, two)",  # in the place of the first
        "entity - whole (cat)",
    ]
    assert [one["proposition_id"] for one in items["b"]] == ["2"]
    assert list(items) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("reply", "reading"),
    [
        ("yes", True),
        (" Yes. ", True),
        ("No, there is none", False),
        ("YES!", True),
        ("nothing", None),  # not "no" as a word
        ("not sure", None),
        ("no idea", None),
        ("", None),
    ],
)
def test_a_reply_is_readable_where_its_first_word_stands_alone(reply, reading):
    assert read_reply(reply) is reading


def test_numbers_may_be_numbers_and_replies_come_once(tmp_path):
    scored(tmp_path, [row("a", 1)], {"a": [["yes"]] * 4})
    reply = {"item_id": "a", "crop": 0, "proposition_id": 1, "answer": "yes"}
    write_lines(tmp_path / "records.jsonl", [{**reply, "crop": str(crop)} for crop in range(4)])
    paths = tmp_path / "records.jsonl", tmp_path / "bench.csv"
    assert dpg.score(*paths).metrics["dpg.overall@test"].value == 100.0
    write_lines(tmp_path / "records.jsonl", [reply, {**reply, "proposition_id": "1"}])
    with pytest.raises(ValueError, match="must be unique"):
        dpg.score(*paths)
    write_lines(tmp_path / "records.jsonl", [{**reply, "crop": "left"}])
    with pytest.raises(ValueError, match="must have whole numbers as crop and proposition_id"):
        dpg.score(*paths)
    write_lines(tmp_path / "records.jsonl", [{**reply, "item_id": "z"}])
    with pytest.raises(ValueError, match="replies must belong to the prompts"):
        dpg.score(*paths)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("answer", [None, ["yes"], True])
def test_an_answer_that_is_no_text_is_refused(tmp_path, mode, answer):
    rows = [row("z", 1), row("a", 1)]
    with pytest.raises(ValueError, match=r"must have a text as answer, got .* for a crop 2 prop"):
        scored(
            tmp_path,
            rows,
            {"z": [["yes"]] * 4, "a": [["yes"], ["no"], [answer], ["no"]]},
            mode=mode,
        )
