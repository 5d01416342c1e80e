"""The links of `make dashboard` in a real browser: every view shows its charts, drawn."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import islice

import pytest
from playwright.sync_api import Page, sync_playwright

from experiments.parallel.launch import free_port
from experiments.planning.sources import ROOT
from experiments.running.ablate import Ablation
from experiments.tracking.mirror import Mirror
from experiments.tracking.views import COSTS

CHROMIUM = "/usr/bin/chromium"
LONGEST_WAIT_MS = 60_000
VIEWS = 3
DRAWN = """
() => new Set([...document.querySelectorAll(".js-plotly-plot .main-svg")]
    .map(one => one.closest(".js-plotly-plot"))).size
"""
PICTURES = """
() => [...document.images].filter(one => /artifact/.test(one.src) && one.naturalWidth > 0).length
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def links(ablation: Callable[..., Ablation]) -> Iterator[list[str]]:
    """The addresses that the command prints for a finished toy run: scores, curves, samples."""
    run = ablation(arms=("control", "fork", "reader"))
    assert run.run(jobs=2, track=False) == 0
    Mirror(run.plan, run.store).close()
    command = [sys.executable, "-m", "experiments", "dashboard", "--runs", str(run.runs)]
    with subprocess.Popen(
        [*command, "--port", str(free_port())], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            printed = (line for line in process.stdout if "viewStateShareKey" in line)
            yield [line.rsplit(": ", 1)[1].strip() for line in islice(printed, VIEWS)]
        finally:
            process.terminate()


def wait_for(page: Page, address: str, counted: str, count: int) -> None:
    page.goto(address)
    page.wait_for_function(f"() => ({counted})() >= {count}", timeout=LONGEST_WAIT_MS)


def test_every_view_of_the_dashboard_is_drawn(links: list[str]) -> None:
    scores, curves, samples = links
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 4000})
        wait_for(page, scores, DRAWN, 1 + 2 + len(COSTS) + 2)
        text = page.inner_text("body")
        for title in ("Understanding", "Generation", "Cost", "final/vqa.overall", "architecture"):
            assert title in text
        wait_for(page, curves, DRAWN, 3)
        assert "Scores over tokens" in page.inner_text("body")
        wait_for(page, samples, PICTURES, 3)
        browser.close()
