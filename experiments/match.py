"""Sizes that make an arm cost what the control costs.

The token arms match the control's active parameters by construction: a fork's branch is as deep
as what it replaces, and the experts that a token meets are as wide together as the dense
feed-forward. The bridge matches cumulative training FLOPs, its frozen model counted: what is left
of the control's budget buys its steps. An arm that names another one by `total` gets a feed-forward
so wide that both have as many parameters in all; a recipe of stages divides the control's steps.
"""

from dataclasses import replace
from typing import Any

import torch

from datamodules.world import World
from experiments.config import CellConfig
from experiments.fit import step_flops
from experiments.language import checkpoint_of
from models.architectures import architecture
from models.batch import Batch, pack_generate, pad
from models.frozen_bridge import FrozenBridgeModule
from models.image_tokens import ImageTokenizer
from models.module import SharedModule
from models.shared import SharedConfig
from models.text_tokens import TextTokens
from models.unified import Vocabulary


def match(config: CellConfig, control: CellConfig, kind: str) -> dict[str, Any]:
    """Values by full key for `config`; `kind` (active, total, flops) concerns the token arms."""
    if config.model.name == "frozen_bridge":
        if config.model.pretrained or checkpoint_of(
            config
        ):  # larger by orders than what the control may spend
            return {}
        return {"train.steps": bridge_steps(config, control)}
    found: dict[str, Any] = {}
    if kind == "total":
        found["model.trunk.feed_forward"] = equal_feed_forward(config.model, control.model)
    if config.train.stages > 1:
        found["train.steps"] = max(1, control.train.steps // config.train.stages)
    return found


def equal_feed_forward(model: Any, other: Any) -> int:
    """The width of the feed-forward with which `model` has the parameters of `other`'s trunk."""
    first, second = trunk_parameters(model, 1), trunk_parameters(model, 2)
    wanted = trunk_parameters(other, other.trunk.feed_forward)
    return 1 + max(0, round((wanted - first) / (second - first)))


def trunk_parameters(model: Any, feed_forward: int) -> int:
    """Parameters of a model's trunk with a feed-forward of another width."""
    sized = replace(model, trunk=replace(model.trunk, feed_forward=feed_forward))
    kind: Any = architecture(model.name).module
    with torch.device("meta"):
        trunk = kind.trunk_class(sized)
    return sum(parameter.numel() for parameter in trunk.parameters())


def bridge_steps(config: CellConfig, control: CellConfig) -> int:
    """The frozen model has cost what the control spends on understanding, so the bridge may spend
    what the control spends on generation, whatever it tunes. A suite of bridges has a bridge as
    control, which is matched too: to the shared trunk of its own size."""
    words, codec = TextTokens(World(config.world).vocabulary), ImageTokenizer(config.tokenizer)
    vocabulary = Vocabulary(len(words), codec.features(), codec.config.grid)
    shared = SharedModule(SharedConfig(trunk=control.model.trunk), vocabulary, control.train, 0)
    batch = generation_batch(config, words)
    budget = control.train.steps * step_flops(shared, batch)
    bridge = FrozenBridgeModule(config.model, shared, codec, config.train, 0)
    return max(1, round(budget / step_flops(bridge, batch)))


def generation_batch(config: CellConfig, words: TextTokens) -> Batch:
    """The captions of the first training scenes with empty images: lengths as in training."""
    world, codes = World(config.world), [0] * config.tokenizer.tokens_per_image
    scenes = [world.scene("train", index) for index in range(config.train.generate_batch)]
    captions = [world.caption("train", index, scene) for index, scene in enumerate(scenes)]
    return {"generate": pad([pack_generate(words, caption, codes) for caption in captions])}
