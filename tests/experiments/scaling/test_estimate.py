"""What is estimated from a few sequences and layers is what a whole step takes, within a tenth."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from experiments.flops.step import step_flops
from experiments.parallel.execution import ExecutionConfig
from experiments.scaling import estimate
from experiments.scaling.estimate import activations, step_sizes
from experiments.scaling.memory import blueprint, cache_bytes, training_memory
from experiments.scaling.samples import Samples
from experiments.scaling.step_cost import Cost, Kept, StepCost, arm_module, small_module
from models.sampling import SamplingConfig
from models.training import TrainConfig, build_optimizer
from tests.experiments.scaling.planned import TRUNK, config

ARMS = ("shared", "task_moe", "frozen_bridge")


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
    bridge = config("frozen_bridge", execution=sharded.execution)
    found = training_memory(blueprint(bridge), bridge, 0.0)
    assert found.average == found.gradients < found.weights  # of what is trained


def test_a_cache_holds_keys_and_values_of_prompted_and_free_rows() -> None:
    one = config("shared", sampling=SamplingConfig(chunk=8, prompt_length=48))
    slots = 48 + 64 + 16  # in steps of 32
    assert cache_bytes(one) == 2 * 2 * TRUNK.depth * TRUNK.width * slots * 16


class PlainCost:
    """A question costs 3 and a drawing 1, a layer a quarter of that; depth 4; 8 bytes for each."""

    def __init__(self, *_: object) -> None:
        self.depth = 4

    def at(self, sizes: dict[str, float]) -> Cost:
        flops = 3 * sizes.get("understand", 0) + sizes["generate"]
        return Cost(flops, 8 * flops)

    def layer(self, sizes: dict[str, float]) -> Cost:
        return self.at(sizes) * 0.25

    def at_depth(self, depth: int, sizes: dict[str, float]) -> Cost:
        return self.at(sizes) * (0.25 * depth)


class PlainSamples:
    def __init__(self, *_: object) -> None:
        pass

    def tokens(self, task: str) -> float:
        return {"understand": 10.0, "generate": 20.0}[task]


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "StepCost", PlainCost)
    monkeypatch.setattr(estimate, "Samples", PlainSamples)


def test_an_arms_figures_are_those_of_all_its_steps_and_of_one_devices_piece(plain: None) -> None:
    execution = ExecutionConfig(devices=2, strategy="ddp", accumulate=2)
    train = TrainConfig(steps=100, understand_batch=64, generate_batch=48, checkpoints=5)
    one = config("shared", train=train, execution=execution)
    found = estimate.estimate(one)
    assert found.flops == 100 * (3 * 64 + 48)
    assert found.tokens == 100 * (64 * 10 + 48 * 20)
    assert found.memory.activations == 8 * (3 * 64 + 48) / 4  # a quarter of a step at a time
    assert found.storage == 4 * found.parameters * (1 + 5)  # the end, and each point of the curve
    assert found.memory.exchange == 4 * found.trainable  # ddp's buckets
    assert found.memory.weights == 4 * found.parameters  # ddp holds the whole


def test_what_is_frozen_is_a_parameter_and_is_not_trained(plain: None) -> None:
    train = TrainConfig(understand_batch=64, generate_batch=48, frozen="attention")
    found = estimate.estimate(config("shared", train=train))
    attention = 4 * 64 * 64 + 2 * 2 + 64  # with its norm
    assert found.parameters - found.trainable == 4 * attention


def test_a_layer_that_is_computed_again_costs_a_third_more_and_keeps_its_input_alone(
    plain: None,
) -> None:
    one = config("shared", execution=ExecutionConfig(recompute=True))
    sizes, cost = {"understand": 64.0, "generate": 48.0}, PlainCost()
    assert estimate.step_flops(one, cost, sizes) == pytest.approx(240 * 4 / 3)
    states = (64 * 10 + 48 * 20) * 64 * 2  # tokens, width, bytes of bf16
    kept = activations(one, cost, PlainSamples(), sizes)
    assert kept == 8 * 240 / 4 + 3 * states
    exact = replace(one.train, precision="32-true")
    kept = activations(
        config("shared", train=exact, execution=one.execution), cost, PlainSamples(), sizes
    )
    assert kept == 8 * 240 / 4 + 3 * 2 * states


def test_a_bridges_steps_only_draw_and_an_arm_of_one_task_does_only_that() -> None:
    assert step_sizes(config("frozen_bridge")) == {"generate": 48}
    one = TrainConfig(understand_batch=64, generate_weight=0.0)
    assert step_sizes(config("shared", train=one)) == {"understand": 64}


def test_a_cache_holds_the_heads_that_keys_have_and_of_a_bridge_the_prompts_alone() -> None:
    grouped = replace(TRUNK, heads=4, kv_heads=2)
    free = SamplingConfig(chunk=8, prompt_length=48, guidance=1.0)
    arm = config("shared", model=replace(config("shared").model, trunk=grouped), sampling=free)
    assert cache_bytes(arm) == 2 * 2 * 4 * (2 * 16) * (48 + 64 + 16) * 8  # no unprompted rows
    bridge = config("frozen_bridge", sampling=SamplingConfig(chunk=8, prompt_length=48))
    assert cache_bytes(bridge) == 2 * 2 * 4 * 64 * 48 * 16
