"""Sizes that make an arm cost what the control costs.

The token arms match the control's active parameters by construction: a fork's branch is as deep
as what it replaces, and the experts that a token meets are as wide together as the dense
feed-forward. The bridge matches cumulative training FLOPs, its frozen model counted: what is left
of the control's budget buys its steps.
"""

from typing import Any

from datamodules.world import World
from experiments.config import CellConfig
from experiments.fit import step_flops
from models.batch import Batch, pack_generate, pad
from models.frozen_bridge import FrozenBridgeModule
from models.image_tokens import ImageTokenizer
from models.module import SharedModule
from models.shared import SharedConfig
from models.text_tokens import TextTokens
from models.unified import Vocabulary


def match(config: CellConfig, control: CellConfig, kind: str) -> dict[str, Any]:
    """Values by full key for `config`; `kind` (active, total, flops) concerns the token arms.

    The frozen model has cost what the control spends on understanding, so the bridge may spend what
    the control spends on generation.
    """
    if config.model.name != "frozen_bridge":
        return {}
    words, codec = TextTokens(World(config.world).vocabulary), ImageTokenizer(config.tokenizer)
    vocabulary = Vocabulary(len(words), codec.features(), codec.config.grid)
    shared = SharedModule(SharedConfig(trunk=control.model.trunk), vocabulary, control.train, 0)
    batch = generation_batch(config, words)
    budget = control.train.steps * step_flops(shared, batch)
    bridge = FrozenBridgeModule(config.model, shared, codec, config.train, 0)
    return {"train.steps": max(1, round(budget / step_flops(bridge, batch)))}


def generation_batch(config: CellConfig, words: TextTokens) -> Batch:
    """The captions of the first training scenes with empty images: lengths as in training."""
    world, codes = World(config.world), [0] * config.tokenizer.tokens_per_image
    scenes = [world.scene("train", index) for index in range(config.train.generate_batch)]
    captions = [world.caption("train", index, scene) for index, scene in enumerate(scenes)]
    return {"generate": pad([pack_generate(words, caption, codes) for caption in captions])}
