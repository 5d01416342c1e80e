"""How one box lies to another."""

import numpy as np
import pytest

from benchmarks.relations import relative_position


def box(x, y):
    return [x, y, x + 100, y + 100]


@pytest.mark.parametrize(
    ("x", "y", "relations"),
    [
        (0, 0, set()),  # same place
        (20, 0, set()),  # dead zone: 0.1 * (100 + 100) = 20, and nothing is left of the offset
        (40, 0, set()),  # (40 - 20) / 40 = 0.5, not above 0.5
        (41, 0, {"right of"}),  # (41 - 20) / 41 = 0.512
        (-41, 0, {"left of"}),
        (0, 41, {"below"}),  # y grows downwards
        (0, -41, {"above"}),
        (200, 200, {"right of", "below"}),  # (200 - 20) / 283 = 0.636 on both axes
        (60, 60, set()),  # (60 - 20) / 84.9 = 0.471 on both axes
        (300, 100, {"right of"}),  # 280 / 316 = 0.885 and 80 / 316 = 0.253
    ],
)
def test_position_is_measured_beyond_a_dead_zone(x, y, relations):
    moved = np.array(box(500 + x, 500 + y), dtype=np.float32)
    assert relative_position(moved, np.array(box(500, 500), dtype=np.float32)) == relations
