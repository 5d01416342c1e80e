"""A leaderboard states the stages behind an arm, and has no such column where there are none."""

import csv
from pathlib import Path

from experiments.evidence.collect import gather
from experiments.reporting.leaderboard import ABOUT, wide_columns, write_leaderboard
from tests.experiments.recipes.conftest import Runs


def test_an_arm_is_listed_with_its_stages_in_order(runs: Runs, tmp_path: Path) -> None:
    write_leaderboard(gather(runs.plan, runs.store), tmp_path)
    rows = list(csv.DictReader((tmp_path / "leaderboard.csv").open()))
    found = {row["arm"]: row["stages"] for row in rows}
    assert found == {"heads": "heads", "branch": "heads > branch"}


def test_stages_are_read_from_what_training_started_from(runs: Runs) -> None:
    assert runs.plan.stages_behind(runs.step("branch", "train").folder) == ["heads", "branch"]


def test_without_stages_a_leaderboard_has_its_fixed_columns_alone() -> None:
    assert wide_columns([]) == [*ABOUT]
    assert wide_columns([], staged=True) == [*ABOUT, "stages"]
