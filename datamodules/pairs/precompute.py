"""Codes or latents of every image of a source, once, in shards: training then reads no image.

A shard is a run of samples in the source's order. Each rank makes every so-manieth shard, workers
read ahead, and a finished shard is skipped: a run that was killed goes on, with as many ranks as it
likes, and every sample is met once.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch.utils.data import DataLoader

from datamodules.pairs.about import begin
from datamodules.pairs.deal import ALONE, Rank, StepSamples
from datamodules.pairs.faults import Ledger
from datamodules.pairs.samples import Sample, Source
from datamodules.pairs.shards import Shard

logger = logging.getLogger(__name__)


class Encoder(Protocol):
    """What images become; `label` names it with its weights."""

    label: str

    def encode(self, images: np.ndarray) -> np.ndarray:
        """[b, ...] of images uint8 [b, h, w, 3]."""
        ...


@dataclass(frozen=True, kw_only=True)
class PrecomputeConfig:
    """`shard_size` samples a shard, encoded `batch` at a time; `max_broken` is the share of broken
    samples that is put up with; `workers` processes read."""

    shard_size: int = 4096
    batch: int = 64
    workers: int = 0
    max_broken: float = 0.01

    def __post_init__(self) -> None:
        if self.batch < 1 or self.shard_size < 1 or self.shard_size % self.batch:
            raise ValueError(
                f"shard_size must be a multiple of batch={self.batch}, got {self.shard_size}."
            )
        if self.workers < 0:
            raise ValueError(f"workers must not be negative, got {self.workers}.")


def precompute(
    source: Source,
    about: Mapping[str, Any],
    encoder: Encoder,
    out: Path,
    config: PrecomputeConfig,
    rank: Rank = ALONE,
) -> Ledger:
    """Makes this rank's shards of `out`; returns what it read and which samples are broken.

    `about` says what the source is. ValueError where `out` holds shards of another source or
    encoder, where ranks would have none, or where too many samples are broken.
    """
    count = -(-len(source) // config.shard_size)
    if rank.ranks > count:
        raise ValueError(f"ranks must not exceed the shards, {count}, got {rank.ranks}.")
    out.mkdir(parents=True, exist_ok=True)
    sizes = {"samples": len(source), "shards": count, "shard_size": config.shard_size}
    begin(out, {"source": dict(about), "encoder": encoder.label, **sizes})
    shards = [Shard(out, number) for number in range(rank.number, count, rank.ranks)]
    expected = sum(len(positions(shard, source, config)) for shard in shards)
    ledger = Ledger(expected, config.max_broken)
    for shard in shards:
        if shard.done:
            ledger.whole(shard.broken)
            ledger.read += shard.marker["samples"]
            continue
        make(shard, source, encoder, config, ledger)
        logger.info("shard %s of %s: %s samples", shard.number, count, shard.marker["samples"])
    return ledger


def positions(shard: Shard, source: Source, config: PrecomputeConfig) -> range:
    """The samples of a shard."""
    first = shard.number * config.shard_size
    return range(first, min(first + config.shard_size, len(source)))


def make(
    shard: Shard, source: Source, encoder: Encoder, config: PrecomputeConfig, ledger: Ledger
) -> None:
    """Reads, encodes and writes one shard."""
    place = positions(shard, source, config)
    steps = range(place.start // config.batch, -(-place.stop // config.batch))
    dealt = StepSamples(source, config.batch, steps, end=place.stop)
    known = len(ledger.broken)
    samples: list[Sample] = []
    arrays: list[np.ndarray] = []
    loader = DataLoader(dealt, batch_size=None, num_workers=config.workers, collate_fn=list)  # pyright: ignore
    for found in loader:
        whole = ledger.whole(found)
        samples += whole
        images = [one.image for one in whole if one.image is not None]
        if images:
            arrays += list(encoder.encode(np.stack(images)))
    shard.write(samples, arrays, ledger.broken[known:])
