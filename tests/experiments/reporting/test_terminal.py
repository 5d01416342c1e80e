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
KINDS = """
| arm | existence | count | place | comparison | colour | relation |
| --- | --- | --- | --- | --- | --- | --- |
| understand_only | 0.804 [0.752, 0.860] | 0.8 [0.7, 0.9] | 0.7 | 0.6 | 0.7 | 0.7 [0.6, 0.8] ≤ |
"""
CELLS = ("diffusion_last_layer", "0.740", "[0.237,", "still", "training")


def shown(folder: Path, width: int, table: str = TABLE) -> str:
    (folder / "leaderboard.md").write_text(table)
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


def test_headings_are_parted_at_their_dots_and_nowhere_else(tmp_path: Path) -> None:
    heading = shown(tmp_path, 80).split("─")[0].split()
    parts = ["vqa.", "geneval.", "overall.", "unseen", "params", "(M)", "arm", "seeds", "verdict"]
    assert sorted(heading) == sorted([*parts, "overall.", "unseen"])
    kinds = shown(tmp_path, 80, KINDS).split("─")[0].split()
    assert kinds == KINDS.split("\n")[1].replace("|", " ").split()


def test_a_row_is_one_line_where_there_is_room(tmp_path: Path) -> None:
    row = next(line for line in shown(tmp_path, 120).splitlines() if "diffusion" in line)
    assert row.split() == TABLE.splitlines()[3].replace("|", " ").split()
