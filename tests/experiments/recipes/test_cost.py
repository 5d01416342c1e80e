"""What a stage is expected to take: it counts what the stage trains, and no more."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from experiments.flops.step import step_flops
from experiments.recipes.config import MixtureConfig, RecipeStageConfig, WorldSourceConfig
from experiments.scaling.estimate import step_sizes
from experiments.scaling.memory import blueprint, training_memory
from experiments.scaling.samples import Samples
from experiments.scaling.step_cost import StepCost, arm_module
from models.context import TrunkConfig
from models.lora import LoraConfig
from models.staged import GroupConfig, StagedModule
from models.training import TrainConfig
from models.unifork import UniForkConfig
from tests.experiments.builders import tiny_config

TRUNK = TrunkConfig(depth=4, width=64, heads=2, kv_heads=2, feed_forward=192)


def staged(pattern: str, **fields: Any) -> SimpleNamespace:
    stage = RecipeStageConfig(name="one", groups=[GroupConfig(match=[pattern], rate=0.1)], **fields)
    train = TrainConfig(optimizer="adamw", understand_batch=0, generate_batch=48)
    return tiny_config(model=UniForkConfig(trunk=TRUNK), train=train, stage=stage)


def test_a_task_without_a_batch_costs_nothing() -> None:
    assert step_sizes(staged("*")) == {"generate": 48.0}


def test_a_stage_is_planned_on_the_sources_that_it_mixes() -> None:
    captions = WorldSourceConfig(source="captions", weight=3.0)
    mixture = MixtureConfig(
        understand=[captions, WorldSourceConfig(source="texts")], generate=[captions]
    )
    samples = Samples(tiny_config(mixture=mixture))
    rows, words = samples.packed["understand"], len(samples.words)
    assert [max(row.tokens) >= words for row in rows] == [True] * 150 + [False] * 50


@pytest.mark.parametrize("pattern", ["generate:*", "model.image_head.*"])
def test_gradients_and_states_are_those_of_what_the_stage_trains(pattern: str) -> None:
    one = staged(pattern)
    whole = StagedModule(arm_module(one), one.stage, 0)
    trained = sum(p.numel() for p in whole.parameters() if p.requires_grad)
    found = training_memory(blueprint(one), one, 0.0)
    assert found.gradients == 4 * trained
    assert found.optimizer == 2 * 4 * trained
    assert found.weights == 4 * sum(p.numel() for p in whole.parameters())


def test_updates_count_as_parameters_while_a_stage_lasts() -> None:
    lora = LoraConfig(rank=2, alpha=4, match=["attention.query"])
    found = training_memory(blueprint(staged("*lora_*", lora=lora)), staged("*"), 0.0)
    layers = TRUNK.depth + TRUNK.depth // 2  # of a fork at half depth
    assert found.gradients == 4 * layers * 2 * (64 + 64)


@pytest.mark.slow
@pytest.mark.parametrize("pattern", ["generate:*", "model.embedding.image_*", "*"])
def test_flops_of_a_whole_step_of_a_stage_are_as_estimated(pattern: str) -> None:
    one = staged(pattern)
    samples, sizes = Samples(one), step_sizes(one)
    whole = {task: samples.sequences(task, int(size)) for task, size in sizes.items()}
    module = StagedModule(arm_module(one), one.stage, 0)
    estimated = StepCost(one, samples, tuple(sizes)).at(sizes).flops
    assert estimated == pytest.approx(step_flops(module, whole), rel=0.1)
    alone = replace(one.stage, groups=[GroupConfig(match=["*"], rate=0.1)])
    module = StagedModule(arm_module(one), alone, 0)
    assert (step_flops(module, whole) > 1.1 * estimated) == (pattern != "*")
