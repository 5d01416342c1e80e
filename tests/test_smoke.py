"""The whole chain at toy size, as a user runs it, and its pages in a real browser."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parent.parent
ARMS = {"shared", "unifork", "task_moe", "frozen_bridge", "understand_only", "generate_only"}
CHROMIUM = "/usr/bin/chromium"

pytestmark = pytest.mark.slow


def ablate(runs: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "experiments", "ablate", "--preset", "smoke"]
    return subprocess.run(
        [*command, "--runs", str(runs)], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished smoke run; returns its folder."""
    runs = tmp_path_factory.mktemp("runs")
    finished = ablate(runs)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return runs / "architectures-smoke"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_every_arm_trains_is_scored_and_reported(smoke: Path) -> None:
    found = {row["arm"]: row for row in rows(smoke / "leaderboard.csv")}
    assert set(found) >= ARMS | {"ceiling", "floor"}
    for arm in ARMS:
        assert int(found[arm]["n_seeds"]) == 1
        assert float(found[arm]["train_flops"]) > 0
    columns = list(found["shared"])
    drawn = next(c for c in columns if c.startswith("geneval.overall.seen@") and c.endswith("px"))
    told = next(c for c in columns if c.startswith("vqa.overall.seen@") and c.endswith("px"))
    assert found["understand_only"][drawn] == ""
    assert found["generate_only"][told] == ""
    assert float(found["ceiling"][drawn]) > 0.9
    assert float(found["ceiling"][told]) == 1.0
    assert found["frozen_bridge"][told] == found["understand_only"][told]


def test_the_long_table_has_five_token_counts_and_every_benchmark(smoke: Path) -> None:
    found = rows(smoke / "leaderboard_long.csv")
    assert {row["benchmark"] for row in found} == {
        "geneval",
        "dpg",
        "wise",
        "mjhq_fid",
        "vqa",
        "judges",
    }
    counts = {row["tokens_seen"] for row in found if row["arm"] == "shared"}
    assert len(counts) >= 5


def test_a_second_run_with_nothing_changed_does_nothing(smoke: Path) -> None:
    before = {path: path.stat().st_mtime for path in (smoke.parent / "steps").glob("*/DONE")}
    finished = ablate(smoke.parent)
    assert finished.returncode == 0
    after = {path: path.stat().st_mtime for path in (smoke.parent / "steps").glob("*/DONE")}
    assert before == after


@pytest.mark.parametrize("width", [390, 1280])
def test_the_report_opens_whole_in_a_browser(smoke: Path, width: int) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 900})
        faults: list[str] = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("requestfailed", lambda request: faults.append(request.url))
        page.goto((smoke / "report.html").as_uri())
        assert "toy, not evidence" in page.inner_text("body")
        for arm in ARMS:
            assert arm in page.inner_text("body")
        loaded = page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
        assert loaded
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        browser.close()
    assert faults == []
