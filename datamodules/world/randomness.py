"""Random choices that are a function of (split, index, purpose) and of nothing else.

A `Dice` is a counter-based Philox stream whose key is a stable hash, so that a sample can be
drawn in any order, in any process, and alone.
"""

import hashlib
from collections.abc import Sequence
from functools import cache
from itertools import accumulate
from typing import TypeVar

import numpy as np

UNIFORMS_PER_REFILL = 64

Option = TypeVar("Option")


@cache
def stable_hash(text: str) -> int:
    """Return 64 bits of BLAKE2b of `text`: the same in every process, unlike `hash`."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


class Dice:
    """A stream of choices for sample `index` of `split`; each `purpose` has its own stream."""

    def __init__(self, split: str, index: int, purpose: str) -> None:
        key = np.array([stable_hash(f"{split}/{purpose}"), index], dtype=np.uint64)
        self._generator = np.random.Generator(np.random.Philox(key=key))
        self._uniforms: list[float] = []

    def uniform(self) -> float:
        """Return a number in [0, 1)."""
        if not self._uniforms:
            self._uniforms = self._generator.random(UNIFORMS_PER_REFILL).tolist()
        return self._uniforms.pop()

    def chance(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self.uniform() < probability

    def integer(self, low: int, high: int) -> int:
        """Return an integer in [low, high], both included."""
        return low + int(self.uniform() * (high - low + 1))

    def choice(self, options: Sequence[Option]) -> Option:
        """Return one of `options`, all equally likely."""
        return options[int(self.uniform() * len(options))]

    def weighted(self, weights: dict[Option, float]) -> Option:
        """Return a key of `weights` with a probability in proportion to its value."""
        drawn = self.uniform() * sum(weights.values())
        cumulative = zip(weights, accumulate(weights.values()), strict=True)
        return next(option for option, end in cumulative if drawn < end)

    def sample(self, options: Sequence[Option], count: int) -> list[Option]:
        """Return `count` different options in random order."""
        pool = list(options)
        return [pool.pop(int(self.uniform() * len(pool))) for _ in range(count)]
