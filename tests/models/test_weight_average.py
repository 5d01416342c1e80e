"""The average of the weights: how far back it reaches at each step."""

import pytest
import torch

from models.training import TrainConfig, ema_update, warmed_decay


def test_its_memory_is_short_at_first_and_then_the_horizon() -> None:
    decay = TrainConfig(steps=1000, ema_horizon=0.05).ema_decay
    assert decay == pytest.approx(1 - 1 / 50)
    assert [warmed_decay(decay, count) for count in (0, 8, 10_000)] == [0.1, 0.5, decay]


def test_an_update_keeps_the_decays_share_of_what_was() -> None:
    averaged, current = [torch.tensor([10.0])], [torch.tensor([20.0])]
    update = ema_update(0.75)
    update(averaged, current, 0)
    assert averaged[0].item() == pytest.approx(0.1 * 10 + 0.9 * 20)
    update(averaged, [torch.tensor([0.0])], 1000)
    assert averaged[0].item() == pytest.approx(0.75 * 19)
    assert current[0].item() == 20.0
