"""The tables of a run as a terminal shows them."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from experiments.reporting.terminal import print_tables

TABLE = """
| arm | seeds | params (M) | vqa.overall.unseen | geneval.overall.unseen | verdict |
| --- | --- | --- | --- | --- | --- |
| diffusion_last_layer | 1 | 3.05 | 0.740 [0.702, 0.777] | 0.301 [0.237, 0.355] | still training |
"""
CELLS = ("diffusion_last_layer", "0.740", "[0.237,", "still", "training")


def shown(folder: Path, width: int) -> str:
    (folder / "leaderboard.md").write_text(TABLE)
    console = Console(file=io.StringIO(), width=width)
    print_tables(console, folder)
    return console.file.getvalue()  # pyright: ignore


@pytest.mark.parametrize("width", [70, 80, 100, 160])
def test_a_terminal_of_any_width_shows_every_name_and_number_whole(
    tmp_path: Path, width: int
) -> None:
    text = shown(tmp_path, width)
    assert "…" not in text
    assert all(cell in text for cell in CELLS)


def test_a_row_is_one_line_where_there_is_room(tmp_path: Path) -> None:
    row = next(line for line in shown(tmp_path, 120).splitlines() if "diffusion" in line)
    assert row.split() == TABLE.splitlines()[3].replace("|", " ").split()
