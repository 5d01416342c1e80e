"""How a learning rate rises and falls."""

import math
from collections.abc import Callable
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def falling_cosine(done: float, low: float) -> float:
    """1 where nothing is `done`, `low` from 1 on, between them half a cosine."""
    return low + (1 - low) * (1 + math.cos(math.pi * min(1.0, done))) / 2


def warmed_cosine(step: int, steps: int, warmup: int, floor: float) -> float:
    """The factor on a rate at `step`: up over `warmup` steps, then down to `floor` at the end."""
    if step < warmup:
        return (step + 1) / warmup
    return falling_cosine((step - warmup) / max(1, steps - warmup), floor)


def scheduled(optimizer: Optimizer, factor: Callable[[int], float]) -> dict[str, Any]:
    """What `configure_optimizers` gives: every rate is multiplied by the `factor` of its step."""
    schedule = LambdaLR(optimizer, lambda step: factor(step))  # of a method it would save the state
    return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
