"""How many parameters a token of a task meets, counted by hand: what arms are matched by."""

from dataclasses import replace

import pytest

from models import TASKS
from models.batch import Batch
from models.image_tokens import ImageTokenizer
from models.parameters import active_parameters, parameter_count, skipped_by, trainable_count
from models.tokenizers.encoders import EFFICIENTNET
from models.unified import Vocabulary
from tests.models.conftest import TRUNK, build, build_bridge

ATTENTION = 4 * 32 * 32 + 2 * 2
"""Four matrices, and a scale for each head of queries and of keys."""
LAYER = ATTENTION + 3 * 32 * 48 + 2 * 32


def active(name: str, vocabulary: Vocabulary, **fields: object) -> list[int]:
    model = build(name, vocabulary, **fields).model
    return [active_parameters(model, task) for task in TASKS]


def test_a_token_of_the_control_meets_all_but_the_other_tasks_head(vocabulary: Vocabulary) -> None:
    model = build("shared", vocabulary).model
    assert parameter_count(model.trunk) == 3 * LAYER + 32
    understand, generate = (
        parameter_count(model) - active_parameters(model, task) for task in TASKS
    )
    assert (understand, generate) == (
        parameter_count(model.image_head),
        parameter_count(model.text_head),
    )
    assert understand != generate


def test_what_is_frozen_is_not_counted_as_trainable(vocabulary: Vocabulary) -> None:
    model = build("shared", vocabulary).model
    assert trainable_count(model) == parameter_count(model)
    model.trunk.requires_grad_(False)
    assert trainable_count(model) == parameter_count(model) - (3 * LAYER + 32)


@pytest.mark.parametrize("name", ["unifork", "fork_random", "mot"])
def test_a_copy_of_the_control_costs_a_token_nothing(name: str, vocabulary: Vocabulary) -> None:
    assert active(name, vocabulary) == active("shared", vocabulary)


def test_a_fork_keeps_the_other_branch_and_its_norm_from_a_task(vocabulary: Vocabulary) -> None:
    model = build("unifork", vocabulary, fork_at=1).model
    for task in TASKS:
        assert sum(one.numel() for one in skipped_by(model, task)) == 2 * LAYER + 32


def test_of_the_experts_a_token_meets_those_it_chooses_the_shared_one_and_the_routers(
    vocabulary: Vocabulary,
) -> None:
    # 2 of 4 experts and a shared one divide the feed-forward: what comes on top is, a layer, a
    # router of 2 groups, one of 2 groups of 4 experts, and the mixing weight
    routers = TRUNK.depth * (32 * 2 + 32 * 2 * 4 + 1)
    assert active("task_moe", vocabulary) == [one + routers for one in active("shared", vocabulary)]


@pytest.mark.parametrize("name", ["shared", "unifork"])
@pytest.mark.parametrize("second_encoder", [False, True])
def test_a_token_meets_what_gets_a_gradient_from_the_loss_of_its_task(
    name: str, second_encoder: bool, vocabulary: Vocabulary, batch: Batch
) -> None:
    view = EFFICIENTNET if second_encoder else None
    model = build(name, replace(vocabulary, view=view)).model
    for task in TASKS:
        model.zero_grad()
        model.losses(batch[task], task)["loss"].backward()
        met = [one for one in model.parameters() if one.grad is not None and one.grad.any()]
        assert active_parameters(model, task) == sum(one.numel() for one in met)


def test_a_prompt_to_a_bridge_meets_what_a_question_does_but_the_head(
    vocabulary: Vocabulary, codec: ImageTokenizer
) -> None:
    bridge = build_bridge(vocabulary, codec)
    heads = (bridge.reader.image_head, bridge.reader.text_head)
    image_head, text_head = map(parameter_count, heads)
    total = parameter_count(bridge)
    own = total - parameter_count(bridge.reader)
    assert bridge.active_parameters() == {
        "understand": total - own - image_head,
        "generate": total - image_head - text_head,
    }
