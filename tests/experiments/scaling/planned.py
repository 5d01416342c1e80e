"""The config of an arm to plan for."""

from types import SimpleNamespace
from typing import Any

from datamodules.world import WorldConfig
from models.architectures import architecture
from models.context import TrunkConfig
from models.image_tokens import ImageTokenizerConfig
from models.training import TrainConfig
from tests.experiments.builders import tiny_config

TRUNK = TrunkConfig(depth=4, width=64, heads=2, kv_heads=2, feed_forward=192)


def config(arm: str, **changes: Any) -> SimpleNamespace:
    kind: Any = architecture(arm).config
    fields = {
        "world": WorldConfig(),
        "tokenizer": ImageTokenizerConfig(),
        "model": kind(trunk=TRUNK),
        "train": TrainConfig(understand_batch=64, generate_batch=48),
    }
    return tiny_config(**{**fields, **changes})
