"""The README's commands exist, and those that only print are run."""

import re
import subprocess
from pathlib import Path

import pytest

from experiments.reporting.readme import with_table

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def test_every_make_command_of_the_readme_is_a_target() -> None:
    named = set(re.findall(r"(?:^|`)make ([a-z][a-z-]*)", README, re.MULTILINE))
    targets = set(re.findall(r"^([a-z][a-z-]*)(?:-%)?:", MAKEFILE, re.MULTILINE))
    assert {"ablation", "test"} <= named
    unknown = {name for name in named if re.sub("^ablation-.+", "ablation", name) not in targets}
    assert unknown == set()


def test_every_link_of_the_readme_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)", README) + re.findall(r'src="([^"]+)"', README)
    local = [link for link in links if "://" not in link]
    assert local
    assert [link for link in local if not (ROOT / link).exists()] == []


def test_the_readmes_table_is_the_reference_runs() -> None:
    table = ROOT / "results" / "reference" / "leaderboard.md"
    assert with_table(README, table.read_text()) == README


@pytest.mark.slow
@pytest.mark.parametrize("target", ["help", "list", "plan", "world"])
def test_a_printing_command_of_the_readme_runs(target: str) -> None:
    finished = subprocess.run(
        ["make", target], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert finished.stdout
