"""The balance loss of task experts, by hand: 1 where each group is even within itself."""

import pytest
import torch

from models.context import TrunkConfig
from models.task_moe import Routing, TaskExperts, TaskMoEConfig

CONFIG = TaskMoEConfig(
    trunk=TrunkConfig(depth=1, width=8, heads=2, kv_heads=2, feed_forward=12), top_k=2
)


def balance(*tokens: tuple[int, int]) -> float:
    """Of tokens that are sure of two experts each, of 4 a group, in a router that is indifferent
    between those two."""
    choice = torch.tensor(tokens)
    probabilities = torch.zeros(len(tokens), 4)
    probabilities.scatter_(1, choice % 4, 0.5)
    routing = Routing(
        choice,
        torch.full_like(probabilities[:, :2], 0.5),
        torch.zeros(len(tokens), 2),
        probabilities,
    )
    found = TaskExperts(CONFIG).auxiliary(routing, torch.zeros(len(tokens), dtype=torch.long))
    return float(found["balance_loss"]) / CONFIG.balance_loss_weight


def test_an_even_use_of_one_group_or_of_both_is_the_least() -> None:
    assert balance((0, 1), (2, 3)) == pytest.approx(1.0)
    assert balance((0, 1), (2, 3), (4, 5), (6, 7)) == pytest.approx(1.0)
    assert balance((0, 1), (2, 3), (0, 1), (2, 3), (4, 5), (6, 7)) == pytest.approx(1.0)


def test_a_groups_dead_experts_are_not_made_up_for_by_the_other_groups_live_ones() -> None:
    assert balance((0, 1), (0, 1)) == pytest.approx(2.0)
    assert balance((0, 1), (0, 1), (6, 7), (6, 7)) == pytest.approx(2.0)
    assert balance((0, 1), (0, 1), (4, 5), (6, 7)) == pytest.approx(1.5)  # one group of the two
