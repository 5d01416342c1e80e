"""The language that an experiment speaks: the world's own words, or a published model's."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class LanguageConfig:
    """`checkpoint` names a published language model (models/pretrained/source.py): its tokenizer
    writes every text, and it stands in the place of stage 0. Without one, words are the world's and
    stage 0 is trained."""

    checkpoint: str = ""


WORLD = LanguageConfig()


def checkpoint_of(config: object) -> str:
    """The published model that a config speaks by; empty for the world's words."""
    return getattr(config, "language", WORLD).checkpoint


def bridged_to(config: Any) -> str:
    """The published model that an arm is a bridge to; empty for one of our own parts."""
    return getattr(config.model, "pretrained", "")
