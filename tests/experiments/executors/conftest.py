"""What a run on this machine leaves, to compare others with."""

from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from experiments.executors.choice import Machines
from experiments.executors.interface import Executor
from experiments.planning.plan import Request
from experiments.planning.planner import Project
from experiments.running.ablate import Ablation

ARMS = ("control", "fork", "frozen")
TABLES = ("leaderboard.csv", "leaderboard.md")


def tables(run: Ablation) -> dict[str, str]:
    return {name: (run.folder / name).read_text() for name in TABLES}


@pytest.fixture
def run_on(project: Project, tmp_path: Path) -> Callable[..., Ablation]:
    """Runs three arms of the toy suite on an executor, in a runs folder of their own."""

    def run(executor: Executor, name: str = "elsewhere") -> Ablation:
        console = Console(file=(tmp_path / f"{name}.txt").open("w"), width=200)
        made = Ablation(project, Request("toy", "tiny", arms=ARMS), tmp_path / name, console)
        assert made.run(jobs=2, machines=Machines(executor, track=False)) == 0
        return made

    return run
