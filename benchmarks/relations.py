"""How one box lies to another, by the rule of GenEval's official evaluator.

It stands apart from GenEval's other rules, because the judges of other benchmarks use it too.
"""

import numpy as np

DEAD_ZONE = np.float32(0.1)
"""An offset counts from this share of both boxes' sizes together."""


def relative_position(box: np.ndarray, other: np.ndarray) -> set[str]:
    """Return how `box` lies to `other` (float32 [4 or more], x0 y0 x1 y1): none, one or two
    relations.
    """
    offset = (box[:2] + box[2:4]) / 2 - (other[:2] + other[2:4]) / 2
    sizes = np.abs(box[2:4] - box[:2]) + np.abs(other[2:4] - other[:2])
    revised = np.maximum(np.abs(offset) - DEAD_ZONE * sizes, 0) * np.sign(offset)
    if np.all(np.abs(revised) < 1e-3):
        return set()
    x, y = revised / np.linalg.norm(offset)
    relations = {"left of": x < -0.5, "right of": x > 0.5, "above": y < -0.5, "below": y > 0.5}
    return {name for name, holds in relations.items() if holds}
