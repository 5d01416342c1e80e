"""How a learning rate falls."""

import math


def falling_cosine(done: float, high: float, low: float) -> float:
    """`high` where nothing is `done`, `low` from 1 on, between them half a cosine."""
    return low + (high - low) * (1 + math.cos(math.pi * min(1.0, done))) / 2
