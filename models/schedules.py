"""How a learning rate rises and falls."""

import math


def falling_cosine(done: float, high: float, low: float) -> float:
    """`high` where nothing is `done`, `low` from 1 on, between them half a cosine."""
    return low + (high - low) * (1 + math.cos(math.pi * min(1.0, done))) / 2


def warmed_cosine(step: int, steps: int, warmup: int, floor: float) -> float:
    """The factor on a rate at `step`: up over `warmup` steps, then down to `floor` at the end."""
    if step < warmup:
        return (step + 1) / warmup
    return falling_cosine((step - warmup) / max(1, steps - warmup), 1.0, floor)
