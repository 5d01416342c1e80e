"""DPG's grids: crops in order, resumption, foreign files, and questions for elsewhere."""

from typing import ClassVar

import numpy as np
import pytest
from PIL import Image

from benchmarks import dpg
from benchmarks.dpg.export import export
from benchmarks.dpg.grids import find_files, read_files
from benchmarks.images import write_image
from benchmarks.records import MissingItemsError, read_json, read_lines, write_lines

SHADES = (10, 20, 30, 40)


def row(item: str, number: int) -> dict[str, str]:
    named = {"item_id": item, "proposition_id": str(number), "dependency": "0", "text": item}
    return {**dict.fromkeys(dpg.COLUMNS, ""), **named, "question_natural_language": f"q{number}?"}


class Shades:
    """Draws the shade of the seed, and as a judge says what it sees; fails after some calls."""

    label = "shades"
    protocol: ClassVar[dict] = {"judge": "shades"}

    def __init__(self, calls: int = 100) -> None:
        self.calls, self.drawn = calls, 0

    def generate(self, requests):
        self.drawn += len(requests)
        return [np.full((4, 4, 3), SHADES[request.seed % 4], np.uint8) for request in requests]

    def answer(self, images, questions):
        if not self.calls:
            raise TimeoutError("no reply")
        self.calls -= 1
        pairs = zip(images, questions, strict=True)
        return [[str(image[0, 0, 0]) for _ in rows] for image, rows in pairs]


@pytest.fixture
def bench(tmp_path):
    """Two items of two questions."""
    dpg.write_questions(tmp_path / "bench.csv", [row(i, n) for i in ("a", "b") for n in (1, 2)])
    return tmp_path / "bench.csv"


def test_a_grid_and_four_files_give_the_same_crops(tmp_path):
    crops = [np.full((4, 4, 3), shade, np.uint8) for shade in SHADES]
    top, bottom = np.hstack(crops[:2]), np.hstack(crops[2:])
    write_image(tmp_path / "grid" / "a.v2.png", np.vstack([top, bottom]))  # up to the first dot
    for number, crop in enumerate(crops):
        write_image(tmp_path / "files" / f"a_{number}.png", crop)
    (tmp_path / "files" / ".7-a_0.png").write_bytes(b"")  # as another process begins it
    for folder in ("grid", "files"):
        found = [
            (crop, int(image[0, 0, 0]))
            for _, crop, image in read_files(find_files(tmp_path / folder, {"a"}, 4), ["a"], 4)
        ]
        assert found == list(enumerate(SHADES))


def test_a_drawn_grid_is_judged_crop_by_crop(bench, tmp_path):
    dpg.generate(Shades(), bench, tmp_path / "images")
    dpg.judge(Shades(), tmp_path / "images", bench, tmp_path / "out")
    records = read_lines(tmp_path / "out" / "records.jsonl")
    found = [(one["item_id"], one["crop"], one["proposition_id"], one["answer"]) for one in records]
    assert found[:3] == [("a", 0, "1", "10"), ("a", 0, "2", "10"), ("a", 1, "1", "20")]
    assert len(found) == 2 * 4 * 2


def test_interrupted_steps_go_on(bench, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.dpg.steps.JUDGED_AT_ONCE", 3)
    dpg.generate(Shades(), bench, tmp_path / "images")
    (tmp_path / "images" / "b.png").unlink()
    again = Shades()
    dpg.generate(again, bench, tmp_path / "images")
    assert again.drawn == 4
    with pytest.raises(TimeoutError):
        dpg.judge(Shades(calls=2), tmp_path / "images", bench, tmp_path / "out")
    rest = Shades(calls=1)  # 6 of 8 images are done
    dpg.judge(rest, tmp_path / "images", bench, tmp_path / "out")
    assert len(read_lines(tmp_path / "out" / "records.jsonl")) == 16
    dpg.judge(rest, tmp_path / "images", bench, tmp_path / "out")  # finished: no call is left


def test_rewritten_texts_are_drawn_and_noted(bench, tmp_path):
    (tmp_path / "texts.json").write_text('{"a.txt": "long a", "b.txt": "long b"}')
    dpg.generate(Shades(), bench, tmp_path / "images", 1, tmp_path / "texts.json")
    manifest = read_json(tmp_path / "images" / "manifest.json")
    assert manifest["prompts"]["rewritten"] is True
    assert manifest["images_per_prompt"] == 1
    dpg.judge(Shades(), tmp_path / "images", bench, tmp_path / "out")
    assert len(read_lines(tmp_path / "out" / "records.jsonl")) == 2 * 1 * 2


def test_files_that_do_not_belong_are_named(bench, tmp_path):
    grid = np.zeros((8, 8, 3), np.uint8)
    for name, message in (
        ("z.png", "z.png must be an image of one of 2 items, got another"),
        ("a.jpg", "a must have one file for image 0, got a.jpg and a.png"),
        ("a_7.png", "a_7.png must be an image of one of 2 items"),
    ):
        folder = tmp_path / name
        write_image(folder / "a.png", grid)
        Image.fromarray(grid).save(folder / name)
        with pytest.raises(ValueError, match=message):
            dpg.judge(Shades(), folder, bench, tmp_path / "out")


def test_missing_damaged_and_odd_grids_are_named(bench, tmp_path):
    dpg.generate(Shades(), bench, tmp_path / "images")
    grid = tmp_path / "images" / "b.png"
    arguments = Shades(), tmp_path / "images", bench, tmp_path / "out"
    grid.write_bytes(grid.read_bytes()[:40])
    with pytest.raises(MissingItemsError, match=r"4 of 8 missing .*\('b', 0\)"):
        dpg.judge(*arguments)
    grid.unlink()
    with pytest.raises(MissingItemsError, match=r"4 of 8 missing .*\('b', 0\)"):
        dpg.judge(*arguments)
    write_image(grid, np.zeros((9, 8, 3), np.uint8))
    with pytest.raises(ValueError, match="grid of two by two like images, got 8 x 9 pixels"):
        dpg.judge(*arguments)


def test_questions_for_another_environment_say_where_to_look(bench, tmp_path):
    dpg.generate(Shades(), bench, tmp_path / "images")
    assert export(tmp_path / "images", bench, tmp_path / "out") == 16
    rows = read_lines(tmp_path / "out" / "requests.jsonl")
    last = rows[-1]
    assert (last["item_id"], last["crop"], last["proposition_id"]) == ("b", 3, "2")
    assert last["question"] == "q2?"
    shown = {row["crop"]: Image.open(row["image"]).crop(row["box"]).getextrema()[0] for row in rows}
    assert shown == {crop: (shade, shade) for crop, shade in enumerate(SHADES)}


def test_questions_for_another_environment_are_of_the_images_that_the_manifest_names(
    bench, tmp_path
):
    dpg.generate(Shades(), bench, tmp_path / "images", 1)
    assert export(tmp_path / "images", bench, tmp_path / "out") == 4
    rows = read_lines(tmp_path / "out" / "requests.jsonl")
    assert {tuple(row["box"]) for row in rows} == {(0, 0, 4, 4)}
    write_lines(tmp_path / "out" / "records.jsonl", [{**row, "answer": "yes"} for row in rows])
    results = dpg.score(tmp_path / "out" / "records.jsonl", bench, judge_name="mplug")
    assert (results.n_scored, results.protocol["images_per_prompt"]) == (2, 1)
    assert results.protocol["model"] == Shades.protocol


def test_questions_are_not_asked_of_other_prompts_absent_images_or_over_anothers_records(
    bench, tmp_path
):
    images, out = tmp_path / "images", tmp_path / "out"
    dpg.generate(Shades(), bench, images)
    dpg.write_questions(tmp_path / "other.csv", [row("a", 1), row("b", 1)])
    with pytest.raises(ValueError, match=r"images must be made from .*other\.csv"):
        export(images, tmp_path / "other.csv", out)
    dpg.judge(Shades(), images, bench, tmp_path / "records")
    with pytest.raises(ValueError, match="must be empty or hold a part of the same step"):
        export(images, bench, tmp_path / "records")
    (images / "b.png").unlink()
    with pytest.raises(MissingItemsError, match=r"4 of 8 missing .*\('b', 0\)"):
        export(images, bench, out)
    assert export(images, bench, out, allow_missing=True) == 8
    write_image(images / "b.png", np.zeros((9, 8, 3), np.uint8))
    with pytest.raises(ValueError, match="grid of two by two like images, got 8 x 9 pixels"):
        export(images, bench, out)
