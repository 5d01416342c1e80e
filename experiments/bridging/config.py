"""A recipe of a bridge: its parts, and the stages in which it is trained, as one YAML says it.

paper: MetaQuery (arXiv 2504.06256)
about: one sentence
deviations: [what all stages do otherwise than the paper]
parts:  {reader: folder or hub id, decoder: ..., system: the prompt's system text}
model:  {queries: 64, connector_depth: 24}
stages:                                          # each goes on from the one before
  pretrain:
    published: {pairs: 25 million}               # what the paper states
    deviations: [what this stage does otherwise]
    sources: [{form: webdataset, path: ...}]     # docs/data.md
    train: {steps: 1000}
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from datamodules.pairs.sources import SourceConfig
from experiments.structured import read_structured
from models.bridging.bridge_module import BridgeTrainConfig
from models.bridging.decoder_bridge import PipelineBridgeConfig

PRECISIONS = {"bf16": torch.bfloat16, "fp32": torch.float32}


@dataclass(frozen=True, kw_only=True)
class PartsConfig:
    """`reader` and `decoder` are folders or hub ids; the frozen reader has `reader_precision`, the
    decoder full precision, which autocast lowers where `train.precision` says so."""

    reader: str = ""
    decoder: str = ""
    system: str = ""
    reader_precision: str = "bf16"

    def __post_init__(self) -> None:
        for name in ("reader", "decoder"):
            if not getattr(self, name):
                raise ValueError(f"parts.{name} must be a folder or hub id, got nothing.")
        if self.reader_precision not in PRECISIONS:
            known = " or ".join(PRECISIONS)
            raise ValueError(
                f"parts.reader_precision must be {known}, got {self.reader_precision!r}."
            )

    @property
    def reader_dtype(self) -> torch.dtype:
        return PRECISIONS[self.reader_precision]


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """What a stage trains on, mixed by weights, and how; `tuned`: whether the decoder learns.

    `workers` processes a device read; the share `max_broken` of the samples may be unusable.
    `published` and `deviations` are for readers.
    """

    sources: list[SourceConfig] = field(default_factory=list)
    train: BridgeTrainConfig = field(default_factory=BridgeTrainConfig)
    tuned: bool = True
    workers: int = 0
    max_broken: float = 0.01
    published: dict[str, Any] = field(default_factory=dict)
    deviations: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A bridge and its stages, in order; `paper`, `about` and `deviations` are for readers."""

    paper: str = ""
    about: str = ""
    deviations: list[str] = field(default_factory=list)
    parts: PartsConfig
    model: PipelineBridgeConfig = field(default_factory=PipelineBridgeConfig)
    stages: dict[str, StageConfig] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.stages:
            raise ValueError("stages must name at least one stage, got none.")

    def before(self, stage: str) -> str | None:
        """The stage that `stage` goes on from; None for the first."""
        names = list(self.stages)
        place = names.index(stage)
        return names[place - 1] if place else None


def read_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """The checked recipe of a file and `key=value`s. Raises ConfigError, which names the file."""
    return read_structured(Recipe, path, str(path), overrides)
