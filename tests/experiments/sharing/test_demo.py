"""The page that compares two arms, in a real browser, which it sends nowhere else."""

import io
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import gradio
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from starlette.applications import Starlette
from starlette.testclient import TestClient

from benchmarks.protocol import Request
from datamodules.world import World, WorldConfig
from experiments.__main__ import FAILED, main
from experiments.config import ConfigError
from experiments.parallel.launch import free_port
from experiments.sharing.demo import arms_of
from experiments.sharing.local_server import HOST, POLICY, serve
from experiments.sharing.page import Arm, answer, comparison_page, drawing, square, typed
from tests.experiments.sharing.conftest import RUN

CHROMIUM = "/usr/bin/chromium"
LONGEST_WAIT_MS = 60_000


@pytest.fixture(scope="module")
def arms(runs: Path) -> dict[str, Arm]:
    return arms_of(runs, RUN, 0)


def test_a_machine_without_gradio_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("demo", "local_server", "page"):
        monkeypatch.delitem(sys.modules, f"experiments.sharing.{name}")
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert main(["demo", RUN]) == FAILED
    assert "demo must have the package gradio, got none" in capsys.readouterr().err


def test_a_question_is_put_as_the_world_writes_it() -> None:
    assert typed(" Is it red?  Yes, red. ") == "is it red ? yes , red ."


def test_a_picture_is_cut_to_its_middle_and_shrunk_to_what_the_arm_sees() -> None:
    wide = np.zeros((40, 80, 3), dtype=np.uint8)
    wide[:, 18:62] = 255
    middle = square(wide, 32)
    assert middle.shape == (32, 32, 3)
    assert middle.min() == 255


def test_what_an_arm_cannot_do_it_says_in_words(arms: dict[str, Arm]) -> None:
    image, text = drawing(arms["understand_only"], Request("a dog"))
    assert image is None
    assert text == "this arm must be trained to generate, got understand alone."
    image, text = drawing(arms["shared"], Request("a toothbrush"))
    assert image is None
    assert "['toothbrush']" in text
    assert "['toothbrush']" in answer(arms["shared"], "is there a toothbrush ?", None)


class Shade:
    """Draws plain pictures of one grey, and says of what size the picture is that it is shown."""

    def __init__(self, grey: int) -> None:
        self.grey = grey

    def generate(self, requests: Sequence[Request]) -> list[np.ndarray]:
        return [np.full((1, 1, 3), self.grey, np.uint8) for _ in requests]

    def answer(self, requests: Sequence[Request]) -> list[str]:
        return [f"{self.grey} sees {one.images[0].shape}" for one in requests]


def test_each_side_asks_its_own_arm_and_shows_it_pictures_of_its_size() -> None:
    arms = {
        f"arm {pixels}": Arm(("understand", "generate"), pixels, lambda grey=pixels: Shade(grey))
        for pixels in (8, 16)
    }
    page, _ = comparison_page(arms, "toy")
    on_click: dict[str, Any] = {one.fn.__name__: one.fn for one in page.fns.values() if one.fn}
    left, _, right, _ = on_click["draw"]("a dog", 0, *arms)
    assert (left.max(), right.max()) == (8, 16)
    answers = on_click["ask"]("is it red ?", np.zeros((20, 40, 3), np.uint8), *arms)
    assert answers == ["8 sees (8, 8, 3)", "16 sees (16, 16, 3)"]


def test_a_page_is_served_here_alone_and_lets_browsers_ask_nowhere_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page, given = gradio.Blocks(), {}
    monkeypatch.setattr(page, "launch", lambda **how: given.update(how))
    serve(page, {}, 1)
    assert (given["server_name"], given["share"]) == ("127.0.0.1", False)
    reply = TestClient(Starlette(**given["app_kwargs"])).get("/")
    assert reply.headers["content-security-policy"] == POLICY


def test_a_seed_that_the_run_has_not_is_told_which_it_has(runs: Path) -> None:
    with pytest.raises(ConfigError, match="--seed must be one of 0, got 3"):
        arms_of(runs, RUN, 3)


@pytest.fixture
def served(arms: dict[str, Arm]) -> Iterator[gradio.Blocks]:
    page, look = comparison_page(arms, "toy")
    serve(page, look, free_port())
    yield page
    page.close()


@pytest.mark.slow
def test_a_taken_port_is_explained(served: gradio.Blocks, arms: dict[str, Arm]) -> None:
    with pytest.raises(ConfigError, match=f"--port must be free, got {served.server_port}"):
        serve(*comparison_page(arms, "toy"), served.server_port)


def drawn(page: Page, side: str) -> np.ndarray:
    """The pixels of what a side has drawn, once they are there."""
    shown = page.locator(f".block:has(label:has-text('{side} draws')) img")
    shown.wait_for(timeout=LONGEST_WAIT_MS)
    body = page.request.get(shown.get_attribute("src") or "").body()
    return np.asarray(Image.open(io.BytesIO(body)).convert("RGB"))


@pytest.mark.slow
def test_two_arms_draw_a_prompt_and_answer_about_an_uploaded_picture(
    served: gradio.Blocks, arms: dict[str, Arm], tmp_path: Path
) -> None:
    world = World(WorldConfig(classes=4, colours=4))
    scene = world.render(world.scene("dev", 0))
    Image.fromarray(scene).save(tmp_path / "scene.png")
    asked: set[str] = set()
    faults: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 1200})
        page.on("request", lambda request: asked.add(urlsplit(request.url).hostname or "data"))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(served.local_url)
        page.get_by_label("Prompt").fill("A photo of a red dog.", timeout=LONGEST_WAIT_MS)
        page.get_by_label("Seed").fill("7")
        page.get_by_role("button", name="Draw").click()
        request = Request("a photo of a red dog .", seed=7)
        for side, arm in (("Left", "shared"), ("Right", "task_moe")):
            np.testing.assert_array_equal(
                drawn(page, side), arms[arm].open().generate([request])[0]
            )
        page.locator("input[type=file]").set_input_files(tmp_path / "scene.png")
        page.locator(".block:has(label:has-text('Picture')) img").wait_for(timeout=LONGEST_WAIT_MS)
        page.get_by_label("Question").fill("Is there a dog?")
        page.get_by_role("button", name="Ask").click()
        request = Request("is there a dog ?", images=(scene,))
        for side, arm in (("Left", "shared"), ("Right", "task_moe")):
            (expected,) = arms[arm].open().answer([request])
            box = page.get_by_label(f"{side} answers")
            page.wait_for_function(
                "([box, text]) => box.value === text", arg=[box.element_handle(), expected]
            )
        page.get_by_label("Right", exact=True).click()
        page.get_by_role("option", name="understand_only").click()
        page.get_by_role("button", name="Draw").click()
        says = page.get_by_label("Right says of drawing")
        page.wait_for_function(
            "box => box.value.includes('must be trained to generate')", arg=says.element_handle()
        )
        browser.close()
    assert asked <= {HOST, "data"}
    assert not served.analytics_enabled
    assert faults == []
