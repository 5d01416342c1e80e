"""Every architecture learns one batch of each of its tasks by heart."""

import pytest
import torch

from models.batch import Batch
from models.image_tokens import ImageTokenizer
from models.training import TrainConfig, build_optimizer
from models.unified import Vocabulary
from tests.models.conftest import TOKEN_ARMS, build, build_bridge

TRAIN = TrainConfig(learning_rate=5e-3, precision="32-true")


def fit(module, batch: Batch, steps: int) -> list[dict[str, float]]:
    optimizer = build_optimizer(module, TRAIN)
    history = []
    for step in range(steps):
        optimizer.zero_grad()
        module.training_step(batch, step).backward()
        optimizer.step()
        history.append({n: v.item() for n, v in module.values.items() if n.endswith("/loss")})
    return history


@pytest.mark.parametrize("name", TOKEN_ARMS)
def test_a_token_arm_overfits_both_tasks(name: str, vocabulary: Vocabulary, batch: Batch) -> None:
    history = fit(build(name, vocabulary), batch, 60)
    for task in ("understand", "generate"):
        assert history[0][f"train/{task}/loss"] > 1
        assert history[-1][f"train/{task}/loss"] < 0.1, task


def test_the_bridge_overfits_one_batch(
    vocabulary: Vocabulary, codec: ImageTokenizer, batch: Batch
) -> None:
    """Noise changes every step, so the loss falls towards what one batch leaves unknown."""
    torch.manual_seed(0)
    history = fit(build_bridge(vocabulary, codec), batch, 120)
    losses = [values["train/generate/loss"] for values in history]
    assert sum(losses[-20:]) < 0.6 * sum(losses[:20])


def test_supervision_drives_group_accuracy_to_one_after_the_task_token(
    vocabulary: Vocabulary, batch: Batch
) -> None:
    module = build("task_moe", vocabulary, group_loss_weight=1.0)
    fit(module, batch, 60)
    accuracy = [
        module.values[f"train/{task}/group_accuracy"].item() for task in ("understand", "generate")
    ]
    assert accuracy == [1.0, 1.0]
