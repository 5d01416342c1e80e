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
from experiments.build import vocabulary
from experiments.conditioned.data import training_prompts
from experiments.config import CellConfig
from experiments.flops.dry_run import DryRun
from experiments.flops.step import step_flops
from experiments.language import checkpoint_of
from models.architectures import architecture
from models.batch import Batch, pack_generate, pad
from models.frozen_bridge import FrozenBridgeModule
from models.image_prompts import pack_image_prompt
from models.module import SharedModule
from models.parameters import parameter_count
from models.shared import SharedConfig
from models.text_tokens import TextTokens
from models.tokenizers.kinds import new_codec

ENOUGH = 32
"""Sequences on which the costs of two arms are compared."""


def match(config: CellConfig, control: CellConfig, kind: str) -> dict[str, Any]:
    """Values by full key for `config`; `kind` (active, total, flops) concerns the token arms."""
    if issubclass(architecture(config.model.name).module, FrozenBridgeModule):
        if config.model.pretrained or checkpoint_of(config):
            return {}  # larger by orders than what the control may spend
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
    return parameter_count(trunk)


def bridge_steps(config: CellConfig, control: CellConfig) -> int:
    """The frozen model has cost what the control spends on understanding, so the bridge may spend
    what the control spends on generation, whatever it tunes. A suite of bridges has a bridge as
    control, which is matched too: to the shared trunk of its own size."""
    words, codec = TextTokens(World(config.world).vocabulary), new_codec(config.tokenizer)
    control_model = SharedConfig(trunk=control.model.trunk)
    batch = generation_batch(config, words, codec.config.tokens_per_image)
    kind: Any = architecture(config.model.name).module
    with DryRun():
        shared = SharedModule(control_model, vocabulary(config, codec), control.train, 0)
        budget = control.train.steps * step_flops(shared, batch)
        bridge = kind(config.model, shared, codec, config.train, 0)
        return max(1, round(budget / step_flops(bridge, batch)))


def generation_batch(config: CellConfig, words: TextTokens, tokens_per_image: int) -> Batch:
    """The prompts of the first training scenes with empty images: lengths as in training. A larger
    batch would cost the arm and its control more alike."""
    world, image = World(config.world), [0] * tokens_per_image
    count = min(config.train.generate_batch, ENOUGH)
    scenes = [world.scene("train", index) for index in range(count)]
    captions = [world.caption("train", index, scene) for index, scene in enumerate(scenes)]
    packed = [pack_generate(words, caption, image) for caption in captions]
    if config.conditioned.variant:
        number = round(count * config.conditioned.share)
        packed[:number] = [
            pack_image_prompt(words, one.seen, [image] * len(one.pictures), image)
            for one in training_prompts(world, config.conditioned.prompts, range(number))
        ]
    return {"generate": pad(packed)}
