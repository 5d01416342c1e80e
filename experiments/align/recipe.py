"""A recipe: one published model, what tunes it, and what the paper states about it.

paper: AIA (arXiv 2511.22663)
about: one sentence
published: {learning rate: 2e-5}       # what the paper or its code states, for readers
deviations: [what is otherwise here]
checkpoint: folder or hub id
shape: {text_config: {...}}            # the checkpoint's sizes, to plan without it
pixels: 384
train: {...}                           # models/pretrained/unified/tuning_config.py
pairs: {understand: [...], generate: [...]}    # datamodules/pairs
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from omegaconf import MISSING

from datamodules.pairs.config import PairsConfig
from experiments.planning.suite import check_known
from experiments.structured import read_structured
from models.pretrained.unified.tuning_config import TuningConfig

PAPERS = Path(__file__).parent / "papers"


@dataclass(frozen=True, kw_only=True)
class AlignConfig:
    """`words` is what the plan takes a sequence of each task to have beside its image. Of `pairs`,
    `sequences` and `longest` are not used: `train` says both."""

    paper: str = MISSING
    about: str = MISSING
    published: dict[str, Any] = field(default_factory=dict)
    deviations: list[str] = field(default_factory=list)
    checkpoint: str = MISSING
    kind: str = MISSING
    shape: dict[str, Any] = field(default_factory=dict)
    words: dict[str, int] = field(default_factory=dict)
    pixels: int = MISSING
    seed: int = 0
    train: TuningConfig = field(default_factory=TuningConfig)
    pairs: PairsConfig = field(default_factory=PairsConfig)


def recipe_names() -> list[str]:
    return sorted(path.stem for path in PAPERS.glob("*.yaml"))


def load_recipe(name: str, overrides: list[str]) -> AlignConfig:
    """The recipe, and above it the command line. Raises ConfigError that names file and field."""
    check_known(PAPERS, "recipe", name)
    file = f"{name}.yaml"
    return read_structured(AlignConfig, PAPERS / file, f"papers/{file}", overrides)
