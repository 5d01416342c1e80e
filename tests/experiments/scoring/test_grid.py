"""Sample grids: which prompts they show, and where."""

from pathlib import Path

import numpy as np

from benchmarks.geneval.layout import image_names
from benchmarks.images import read_image, write_image
from experiments.scoring.grid import grid, write_grid


def flat(value: int) -> np.ndarray:
    return np.full((4, 5, 3), value, np.uint8)


def test_a_grid_has_six_drawings_a_row_with_a_white_gap_between() -> None:
    made = grid([flat(value) for value in range(8)])
    # two rows of 4 pixels and a gap of 2; six columns of 5 and five gaps
    assert made.shape == (10, 40, 3)
    assert made[0, 0, 0] == 0
    assert made[3, 39, 0] == 5
    assert made[6, 7, 0] == 7  # the second of the second row
    assert made[4, 0, 0] == made[0, 5, 0] == made[9, 39, 0] == 255


def test_a_grid_shows_prompts_spread_over_all_of_them(tmp_path: Path) -> None:
    for number, name in enumerate(image_names(48, 1)):
        write_image(tmp_path / "images" / name, flat(number))
    write_grid(tmp_path / "images", 48, tmp_path / "samples" / "step-000010.png")
    made = read_image(tmp_path / "samples" / "step-000010.png")
    # 24 of 48: every second one
    assert [int(made[0, left, 0]) for left in range(0, 40, 7)] == [0, 2, 4, 6, 8, 10]
    assert int(made[-1, -1, 0]) == 46
