"""The report's picture prompts: given, asked for, and drawn by every arm."""

import base64
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.conditioned.prompts import PROMPTS, image_name, read_prompts
from benchmarks.images import write_image
from experiments.evidence.collect import Gathered
from experiments.planning.plan import Cell
from experiments.reporting.picture_samples import ASKED, GIVEN, picture_samples
from experiments.reporting.report import render
from experiments.reporting.samples import Prompt, Sample
from experiments.store.steps import Store
from tests.benchmarks.conditioned.worlds import PER_KIND, WORLD, asked, written
from tests.experiments.reporting.planted_report import blank_page, plan

SHADES = {"shared": 90, "mot": 160}


def cell(arm: str) -> Cell:
    steps = {"prompts_interleaved": "prompts", "generate_interleaved": arm}
    return Cell(arm, 0, arm, ("generate",), (), "", steps)


@pytest.fixture
def found(tmp_path: Path) -> tuple[Gathered, Store]:
    """Two arms that have drawn `interleaved` in a shade of their own; one has been scored."""
    store = Store(tmp_path)
    written("interleaved", store.path("prompts"))
    for record in read_prompts(store.path("prompts") / PROMPTS).values():
        for arm, shade in SHADES.items():
            image = np.full((32, 32, 3), shade, np.uint8)
            write_image(store.path(arm) / image_name(record), image)
    items = tmp_path / "items.jsonl"
    rows = [{"name": f"{number:05d}", "value": float(number == 18)} for number in range(27)]
    items.write_text("".join(json.dumps(row) + "\n" for row in rows))
    gathered = Gathered(plan(*map(cell, SHADES)))
    gathered.items["shared", 0, "interleaved"] = items
    return gathered, store


def pixels(sample: Sample) -> np.ndarray:
    data = base64.b64decode(sample.address.partition("base64,")[2])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def test_every_kind_is_shown_with_what_was_given_asked_for_and_drawn(
    found: tuple[Gathered, Store],
) -> None:
    prompts = picture_samples(*found)
    unseen = asked("interleaved")[2 * len(prompts) * PER_KIND :: PER_KIND]
    assert [one.kind for one in prompts] == ["subject", "pair", "story"]
    for one, truth in zip(prompts, unseen, strict=True):
        target = WORLD.render(truth.target).astype(int)
        assert np.abs(pixels(one.samples[ASKED]) - target).mean() < 4  # in fewer colours
        assert list(one.samples) == [*GIVEN, ASKED, *SHADES]
        assert bool(one.samples[GIVEN[1]].address) == (one.kind != "subject")
        assert [pixels(one.samples[arm])[0, 0, 0] for arm in SHADES] == [*SHADES.values()]
    first, second = prompts[0].samples, prompts[1].samples
    assert (first["shared"].right, second["shared"].right) == (True, False)  # item 18 is the first
    assert first["mot"].right is None


def test_a_drawing_stands_below_its_own_arm_where_another_has_not_drawn_the_benchmark(
    tmp_path: Path,
) -> None:
    store, steps = Store(tmp_path), {"mot": ["editing"], "shared": ["reconstruction", "editing"]}
    cells = []
    for arm, benchmarks in steps.items():
        folders = {f"generate_{one}": f"{arm}_{one}" for one in benchmarks}
        prompts = {f"prompts_{one}": one for one in benchmarks}
        cells.append(Cell(arm, 0, arm, ("generate",), (), "", folders | prompts))
    for benchmark in ("reconstruction", "editing"):
        written(benchmark, store.path(benchmark))
        for record in read_prompts(store.path(benchmark) / PROMPTS).values():
            for arm in (arm for arm in steps if benchmark in steps[arm]):
                image = np.full((32, 32, 3), SHADES[arm], np.uint8)
                write_image(store.path(f"{arm}_{benchmark}") / image_name(record), image)
    drawn = picture_samples(Gathered(plan(*cells)), store)
    columns = [*GIVEN, ASKED, "mot", "shared"]
    assert {tuple(one.samples) for one in drawn} == {tuple(columns)}
    assert (drawn[0].samples["mot"].address, pixels(drawn[-1].samples["mot"])[0, 0, 0]) == ("", 160)
    page = render({**blank_page(), "picture_prompts": drawn})
    table = page.partition('<table class="grid">')[2].partition("</table>")[0]
    head, *body = table.split("<tr>")[1:]
    assert re.findall("<th>(.*?)</th>", head) == ["prompt", *columns]
    for line, one in zip(body, drawn, strict=True):
        shown = [
            f'alt="{name}: ' in there
            for name, there in zip(columns, line.split("<td>")[1:], strict=True)
        ]
        assert shown == [bool(one.samples[name].address) for name in columns]


def test_the_page_puts_a_drawing_below_its_arm_whatever_the_order() -> None:
    one, two = Sample("data:one", None), Sample("data:two", None)
    prompts = [Prompt("a", "k", {"x": one, "y": two}), Prompt("b", "k", {"y": two, "x": one})]
    page = render({**blank_page(), "picture_prompts": prompts})
    assert re.findall(r'alt="(\w): (\w)"', page) == [("x", "a"), ("y", "a"), ("x", "b"), ("y", "b")]


def test_a_suite_without_picture_prompts_shows_none(tmp_path: Path) -> None:
    plain = Cell("shared", 0, "shared", ("generate",), (), "", {"generate_geneval": "one"})
    assert picture_samples(Gathered(plan(plain)), Store(tmp_path)) == []


def test_the_page_shows_no_picture_where_none_was_given() -> None:
    samples = {"given": Sample("data:one", True), "then given": Sample("", None)}
    page = render({**blank_page(), "picture_prompts": [Prompt("<b>", "k", samples)]})
    assert page.count("<img") == 1
    assert "&lt;b&gt;" in page
    assert page.startswith("<!doctype html>")
