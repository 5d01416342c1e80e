"""Reduction: every architecture is the shared trunk in its limit, exactly."""

from dataclasses import replace

import pytest
import torch

from models import TASKS
from models.batch import Batch
from models.context import TrunkConfig
from models.initialise import start_trunk
from models.seats import ROWS, seats
from models.training import TrainConfig
from models.unified import Vocabulary
from tests.models.conftest import TOKEN_ARMS, TRAIN, TRUNK, build, gradients, losses


def test_unifork_forked_at_its_full_depth_is_the_shared_backbone(
    vocabulary: Vocabulary, batch: Batch
) -> None:
    shared = build("shared", vocabulary)
    unifork = build("unifork", vocabulary, fork_at=TRUNK.depth)
    assert list(unifork.state_dict()) == list(shared.state_dict())
    for name, value in shared.state_dict().items():
        assert torch.equal(unifork.state_dict()[name], value), name
    assert losses(unifork, batch) == losses(shared, batch)


@pytest.mark.parametrize("fork_at", [0, 1, 2])
def test_branches_start_as_copies_so_a_fresh_fork_computes_what_the_shared_trunk_does(
    vocabulary: Vocabulary, batch: Batch, fork_at: int
) -> None:
    shared = build("shared", vocabulary)
    unifork = build("unifork", vocabulary, fork_at=fork_at)
    assert losses(unifork, batch) == losses(shared, batch)


def test_a_single_task_control_gets_the_gradients_of_shared_with_the_other_weight_at_zero(
    vocabulary: Vocabulary, batch: Batch
) -> None:
    for task, other in (TASKS, TASKS[::-1]):
        control = build("shared", vocabulary, train=replace(TRAIN, **{f"{other}_weight": 0.0}))
        found, shared = gradients(control, batch), build("shared", vocabulary)
        values = shared.losses(batch)
        (values[task]["loss"] + 0 * values[other]["loss"]).backward()
        for name, parameter in shared.named_parameters():
            one = found.get(name, torch.zeros_like(parameter))
            torch.testing.assert_close(one, parameter.grad, rtol=0, atol=1e-6, msg=name)


def single_expert_module(vocabulary: Vocabulary):
    return build("task_moe", vocabulary, experts=1, top_k=1, shared_experts=0)


def steer(module, task: str) -> None:
    """Makes every group router choose `task`: the first axis of a token decides, and is never 0."""
    for layer in module.model.trunk.layers:
        layer.feed_forward.route = forced(layer.feed_forward, TASKS.index(task))


def forced(experts, group: int):
    free = type(experts).route

    def route(x: torch.Tensor):
        routing = free(experts, x)
        return replace(routing, choice=routing.choice % experts.config.experts + group)

    return route


@pytest.mark.parametrize("task", TASKS)
def test_one_expert_a_group_with_copied_weights_is_the_dense_feed_forward(
    vocabulary: Vocabulary, batch: Batch, task: str
) -> None:
    shared, experts = build("shared", vocabulary), single_expert_module(vocabulary)
    mine, theirs = losses(experts, batch)[task], losses(shared, batch)[task]
    assert torch.equal(mine, theirs)


@pytest.mark.parametrize("task", TASKS)
def test_one_expert_a_group_routed_by_task_is_a_fork_of_the_feed_forward_alone(
    vocabulary: Vocabulary, batch: Batch, task: str
) -> None:
    fork = build("unifork", vocabulary, fork_at=0)
    experts = single_expert_module(vocabulary)
    generator = torch.Generator().manual_seed(3)
    for index, layer in enumerate(experts.model.trunk.layers):
        for place, name in enumerate(TASKS):
            branch = fork.model.trunk.path(name)[0][index].feed_forward
            for ours, its in zip(
                layer.feed_forward.experts[place].parameters(), branch.parameters(), strict=True
            ):
                value = torch.randn(its.shape, generator=generator) * 0.1
                ours.data.copy_(value)
                its.data.copy_(value)
    steer(experts, task)
    assert torch.equal(losses(experts, batch)[task], losses(fork, batch)[task])


def test_experts_that_divide_the_dense_feed_forward_start_close_to_it(
    vocabulary: Vocabulary, batch: Batch
) -> None:
    shared = build("shared", vocabulary)
    experts = build("task_moe", vocabulary, experts=2, top_k=2)
    for layer in experts.model.trunk.layers:
        layer.feed_forward.expert_router.weight.data.zero_()  # equal gates: exactly the dense one
    for task in TASKS:
        mine, theirs = losses(experts, batch)[task], losses(shared, batch)[task]
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", TOKEN_ARMS)
def test_every_arm_takes_its_trunk_from_stage_0(vocabulary: Vocabulary, name: str) -> None:
    text, arm = build("shared", vocabulary, seed=5), build(name, vocabulary, seed=0)
    arm.start_from_text(text)
    source = dict(text.model.trunk.named_parameters())
    for tensor, value in arm.model.trunk.named_parameters():
        expected = arm.model.trunk.start_from(tensor, source)
        assert expected is None or torch.equal(value, expected), tensor
    assert torch.equal(arm.model.embedding.text.weight, text.model.embedding.text.weight)


def test_a_stage_0_of_another_size_is_refused_by_name(vocabulary: Vocabulary) -> None:
    wide = build("shared", vocabulary, trunk=replace(TRUNK, feed_forward=96))
    with pytest.raises(ValueError, match=r"layers\.0\.feed_forward\.gate\.weight must have shape"):
        build("shared", vocabulary).start_from_text(wide)
    with pytest.raises(ValueError, match="shared trunk must hold"):
        start_trunk(build("shared", vocabulary).model.trunk, {}, 0)


def test_adding_an_architecture_moves_no_tensor_of_another(vocabulary: Vocabulary) -> None:
    first, second = build("shared", vocabulary), build("task_moe", vocabulary)
    for name, value in first.state_dict().items():
        if name in second.state_dict():
            assert torch.equal(second.state_dict()[name], value), name


def test_a_train_config_refuses_values_outside_its_rules() -> None:
    with pytest.raises(ValueError, match=r"train\.steps must be above 0, got 0"):
        TrainConfig(steps=0)
    with pytest.raises(ValueError, match=r"train.generate_batch must not be negative, got -3"):
        TrainConfig(generate_batch=-3)
    with pytest.raises(ValueError, match=r"train.precision must be one of bf16-mixed, .* 'bf8'"):
        TrainConfig(precision="bf8")
    with pytest.raises(ValueError, match="must not both be 0"):
        TrainConfig(understand_weight=0.0, generate_weight=0.0)
    with pytest.raises(ValueError, match=r"train.generate_batch must be above 0 with a weight"):
        TrainConfig(understand_batch=0, generate_weight=0.0)


@pytest.mark.parametrize("field", ["rope_base", "norm_epsilon"])
def test_a_trunk_refuses_what_would_make_its_states_infinite(field: str) -> None:
    with pytest.raises(ValueError, match=rf"trunk\.{field} must be above 0, got 0.0"):
        TrunkConfig(**{field: 0.0})


def test_seats_hold_every_row_once_and_fill_up_with_the_row_of_zeros() -> None:
    choice = torch.tensor([2, 0, 2, 2])
    slots, places, sizes = seats(choice, 4)
    assert sizes == [ROWS, 0, ROWS, 0]
    assert slots[:2].tolist() == [1, 4]
    assert slots[ROWS : ROWS + 4].tolist() == [0, 2, 3, 4]
    assert places[:-1].tolist() == [ROWS, 0, ROWS + 1, ROWS + 2]
    assert (slots == len(choice)).sum() == 2 * ROWS - len(choice)
