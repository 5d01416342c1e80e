"""What is estimated from a few sequences and layers is what a whole step takes, within a tenth."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from datamodules.world import WorldConfig
from experiments.fit import step_flops
from experiments.parallel.execution import ExecutionConfig
from experiments.scaling.estimate import activations, step_sizes
from experiments.scaling.memory import blueprint, cache_bytes, training_memory
from experiments.scaling.samples import Samples
from experiments.scaling.step_cost import Kept, StepCost, arm_module, small_module
from models.architectures import architecture
from models.context import TrunkConfig
from models.image_tokens import ImageTokenizerConfig
from models.sampling import SamplingConfig
from models.training import TrainConfig, build_optimizer
from tests.experiments.builders import tiny_config

TRUNK = TrunkConfig(depth=4, width=64, heads=2, kv_heads=2, feed_forward=192)
ARMS = ("shared", "task_moe", "frozen_bridge")


def config(arm: str, **changes: Any) -> SimpleNamespace:
    kind: Any = architecture(arm).config
    fields = {
        "world": WorldConfig(),
        "tokenizer": ImageTokenizerConfig(),
        "model": kind(trunk=TRUNK),
        "train": TrainConfig(understand_batch=64, generate_batch=48),
    }
    return tiny_config(**{**fields, **changes})


@pytest.fixture(scope="module")
def samples() -> Samples:
    return Samples(config("shared"))


def batch(one: SimpleNamespace, samples: Samples) -> dict[str, Any]:
    return {task: samples.sequences(task, int(size)) for task, size in step_sizes(one).items()}


def test_a_fork_at_a_stated_layer_keeps_its_share_at_one_layer() -> None:
    model = replace(config("unifork").model, fork_at=4)
    small: Any = small_module(config("unifork", model=model), 1)
    assert (len(small.model.trunk.layers), small.model.trunk.fork_at) == (1, 1)


@pytest.mark.slow
@pytest.mark.parametrize("arm", ARMS)
def test_flops_and_activations_of_a_whole_step_are_as_estimated(arm: str, samples: Samples) -> None:
    one = config(arm)
    cost, sizes = StepCost(one, samples, tuple(step_sizes(one))), step_sizes(one)
    whole, module = batch(one, samples), arm_module(one)
    with torch.autocast("cpu", torch.bfloat16), Kept(module) as kept:
        loss = module.training_step(whole, 0)
    kept_bytes = kept.bytes
    loss.backward()
    module.zero_grad()
    assert cost.at(sizes).flops == pytest.approx(step_flops(module, whole), rel=0.1)
    assert activations(one, cost, samples, sizes) == pytest.approx(kept_bytes, rel=0.1)


@pytest.mark.parametrize("arm", ARMS)
def test_weights_gradients_and_states_are_those_of_a_module_after_a_step(
    arm: str, samples: Samples
) -> None:
    one = config(arm, train=TrainConfig(understand_batch=16, generate_batch=16))
    module = arm_module(one)
    optimizer: Any = build_optimizer(module, one.train)
    module.training_step(batch(one, samples), 0).backward()
    optimizer.step()
    found = training_memory(blueprint(one), one, 0.0)
    weights = sum(p.nbytes for p in module.parameters())
    gradients = sum(p.grad.nbytes for p in module.parameters() if p.grad is not None)
    states = [
        value for part in optimizer.parts for s in part.state.values() for value in s.values()
    ]
    assert found.weights == found.average == weights
    assert found.gradients == pytest.approx(gradients, rel=0.1)
    assert found.optimizer == pytest.approx(sum(s.nbytes for s in states), rel=0.1)


def test_shards_divide_what_is_held_and_leave_the_blocks_that_run() -> None:
    whole = config("shared")
    sharded = config("shared", execution=ExecutionConfig(devices=4, strategy="fsdp"))
    alone, fourth = (training_memory(blueprint(one), one, 8.0) for one in (whole, sharded))
    assert fourth.weights == alone.weights / 4
    assert fourth.optimizer == alone.optimizer / 4
    assert alone.exchange == 0
    attention, feed_forward = 4 * 64 * 64 + 2 * 2, 3 * 64 * 192
    block = 4 * (attention + feed_forward + 2 * 64)
    assert fourth.exchange == alone.weights - 4 * block + 3 * block
    assert fourth.activations == 8.0


def test_a_cache_holds_keys_and_values_of_prompted_and_free_rows() -> None:
    one = config("shared", sampling=SamplingConfig(chunk=8, prompt_length=48))
    slots = 48 + 64 + 16  # in steps of 32
    assert cache_bytes(one) == 2 * 2 * TRUNK.depth * TRUNK.width * slots * 16
