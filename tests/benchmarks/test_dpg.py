"""DPG's scores: dependency zeroing, means over crops and items, and what a broken file says."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import dpg
from benchmarks.images import write_image
from benchmarks.records import MissingItemsError, write_json, write_lines
from benchmarks.results import Results


def row(item: str, number: int, dependency: str = "0", broad: str = "entity") -> dict[str, str]:
    named = {"item_id": item, "proposition_id": str(number), "dependency": dependency}
    return {**dict.fromkeys(dpg.COLUMNS, ""), **named, "text": item, "category_broad": broad}


def scored(folder: Path, rows: list[dict], answers: dict, allow_missing: bool = False) -> Results:
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
    return dpg.score(folder / "records.jsonl", folder / "bench.csv", allow_missing)


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


def test_a_grid_and_four_files_give_the_same_crops(tmp_path):
    crops = [np.full((4, 4, 3), shade, np.uint8) for shade in (10, 20, 30, 40)]
    top, bottom = np.hstack(crops[:2]), np.hstack(crops[2:])
    write_image(tmp_path / "grid.png", np.vstack([top, bottom]))
    for number, crop in enumerate(crops):
        write_image(tmp_path / f"files_{number}.png", crop)
    found = [(crop, int(image[0, 0, 0])) for _, crop, image in dpg.read_crops(tmp_path, ["grid"])]
    assert found == [(0, 10), (1, 20), (2, 30), (3, 40)]
    apart = [(crop, int(image[0, 0, 0])) for _, crop, image in dpg.read_crops(tmp_path, ["files"])]
    assert apart == found
