"""How many parameters a token of a task meets, counted by hand: what arms are matched by."""

import pytest

from models import TASKS
from models.matching import active_parameters, skipped_by
from models.unified import Vocabulary
from tests.models.conftest import TRUNK, build

ATTENTION = 4 * 32 * 32 + 2 * 2
"""Four matrices, and a scale for each head of queries and of keys."""
LAYER = ATTENTION + 3 * 32 * 48 + 2 * 32


def count(part) -> int:
    return sum(parameter.numel() for parameter in part.parameters())


def active(name: str, vocabulary: Vocabulary, **fields: object) -> list[int]:
    model = build(name, vocabulary, **fields).model
    return [active_parameters(model, task) for task in TASKS]


def test_a_token_of_the_control_meets_all_but_the_other_tasks_head(vocabulary: Vocabulary) -> None:
    model = build("shared", vocabulary).model
    assert count(model.trunk) == 3 * LAYER + 32
    understand, generate = (count(model) - active_parameters(model, task) for task in TASKS)
    assert (understand, generate) == (count(model.image_head), count(model.text_head))
    assert understand != generate


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
