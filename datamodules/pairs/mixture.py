"""Several sources as one endless list of positions, each source with its share of them.

    block      0                      1
    position   0 1 2 ... 999          1000 ...        a block holds every source in exact shares,
    source     b a a c ...            a b ...         in an order of its own

What stands at a position is a function of (seed, sources, position) alone: the source from its
block's order, the sample from that source's order of its present epoch. So training resumes at a
step, and divides over ranks and workers, without any state; and a source's every sample comes once
before one comes twice.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import inf

import numpy as np

from datamodules.pairs.samples import Sample, Source
from datamodules.sequences import stable_seed

BLOCK = 1000
KEPT_BLOCKS, KEPT_EPOCHS = 64, 64


class Mixture:
    """Sources mixed by weights. Raises ValueError for a weight that is not above 0 and finite, or
    has no place in a block."""

    def __init__(self, sources: Sequence[Source], weights: Sequence[float], seed: int) -> None:
        self.sources, self.seed = sources, seed
        self.places = places_in_block(weights)

    def name(self, position: int) -> str:
        source, index = self.at(position)
        return self.sources[source].name(index)

    def read(self, position: int) -> Sample:
        """The sample at a position; BrokenSampleError where it cannot be used."""
        source, index = self.at(position)
        return self.sources[source].read(index)

    def at(self, position: int) -> tuple[int, int]:
        """The source at a position, and the sample within it."""
        block, within = divmod(position, BLOCK)
        order, before = block_order(self.seed, block, self.places)
        source = int(order[within])
        count = len(self.sources[source])
        epoch, place = divmod(block * self.places[source] + int(before[within]), count)
        return source, int(epoch_order(self.seed, source, epoch, count)[place])


@lru_cache(KEPT_BLOCKS)
def block_order(seed: int, block: int, places: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Of each position of a block: its source, and how often that came before in the block."""
    order = np.repeat(np.arange(len(places)), places)
    order = np.random.default_rng(stable_seed(seed, "block", block)).permutation(order)
    before = np.empty(BLOCK, dtype=np.int64)
    for source, count in enumerate(places):
        before[order == source] = np.arange(count)
    return order, before


@lru_cache(KEPT_EPOCHS)
def epoch_order(seed: int, source: int, epoch: int, count: int) -> np.ndarray:
    """The order in which an epoch meets the `count` samples of a source, four bytes each."""
    drawn = np.random.default_rng(stable_seed(seed, "epoch", source, epoch)).permutation(count)
    return drawn.astype(np.uint32)


def places_in_block(weights: Sequence[float]) -> tuple[int, ...]:
    """How many of a block's positions each source has: shares rounded by largest remainder."""
    for weight in weights:
        if not 0 < weight < inf:
            raise ValueError(f"weight must be above 0 and finite, got {weight}.")
    shares = np.asarray(weights, dtype=float) / sum(weights) * BLOCK
    if shares.min() < 1:
        least = float(min(weights))
        raise ValueError(f"weight must be at least 1/{BLOCK} of all weights, got {least}.")
    places = np.floor(shares).astype(int)
    behind = np.argsort(places - shares, kind="stable")[: BLOCK - places.sum()]
    places[behind] += 1
    return tuple(places.tolist())
