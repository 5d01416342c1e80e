"""The trunk of an experiment: `model.trunk`, or the published model's of those very sizes."""

import math
from dataclasses import fields, replace
from functools import cache
from types import SimpleNamespace
from typing import Any

from experiments.config import with_sections
from experiments.language import checkpoint_of
from models.context import TrunkConfig


def with_published_trunk(config: SimpleNamespace) -> SimpleNamespace:
    """The config with the published model's trunk in its model; itself without one."""
    if not checkpoint_of(config):
        return config
    model = replace(config.model, trunk=trunk_of(config))
    return with_sections(config, model=model)


def trunk_of(config: SimpleNamespace) -> TrunkConfig:
    """Raises ValueError that names each size in which `model.trunk` is not the published model's.

    A preset states the sizes, so that plans and size matching need no checkpoint.
    """
    checkpoint, stated = checkpoint_of(config), config.model.trunk
    if not checkpoint:
        return stated
    published = published_trunk(checkpoint)
    wrong = [
        f"{one.name} {getattr(stated, one.name)} for {getattr(published, one.name)}"
        for one in fields(TrunkConfig)
        if not alike(getattr(stated, one.name), getattr(published, one.name))
    ]
    if wrong:
        raise ValueError(f"model.trunk must be that of {checkpoint}, got {', '.join(wrong)}.")
    return published


@cache
def published_trunk(checkpoint: str) -> TrunkConfig:
    from models.pretrained.source import locate  # they import transformers
    from models.pretrained.trunk_config import trunk_config

    return trunk_config(locate(checkpoint).config())


def alike(one: Any, other: Any) -> bool:
    """Whether two sizes are equal, numbers to seven digits: GGUF files hold them in fp32."""
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=1e-6)
    return one == other
