"""Twenty fp32 steps on one thread give the loss curve on file; `make golden` rewrites it."""

import os
from pathlib import Path

import pytest
import torch

from models.batch import Batch
from models.image_tokens import ImageTokenizer
from models.module import UnifiedModule
from models.training import build_optimizer
from models.unified import Vocabulary
from tests.models.conftest import TOKEN_ARMS, build, build_bridge

FOLDER = Path(__file__).parent / "golden"
STEPS = 20


def curve(module: UnifiedModule, batch: Batch) -> list[dict[str, float]]:
    config = module.train_config
    optimizer = build_optimizer(module, config)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, config.rate)
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad(set_to_none=True)
        module.training_step(batch, step).backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), config.clip_norm)
        optimizer.step()
        schedule.step()
        losses.append({n: v.item() for n, v in module.values.items() if n.endswith("/loss")})
    return losses


@pytest.mark.parametrize("name", [*TOKEN_ARMS, "frozen_bridge"])
def test_the_loss_curve_is_the_one_on_file(
    name: str, vocabulary: Vocabulary, codec: ImageTokenizer, batch: Batch
) -> None:
    module = build_bridge(vocabulary, codec) if name == "frozen_bridge" else build(name, vocabulary)
    found = curve(module, batch)
    path = FOLDER / f"{name}.txt"
    if os.environ.get("GOLDEN") == "rewrite":
        lines = [" ".join(f"{k}={v:.6f}" for k, v in step.items()) for step in found]
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(lines) + "\n")
    assert path.exists(), f"{path.name} must exist; `make golden` writes it."
    expected = [
        dict(part.split("=") for part in line.split()) for line in path.read_text().splitlines()
    ]
    assert len(expected) == STEPS
    for step, (one, other) in enumerate(zip(found, expected, strict=True)):
        assert one == pytest.approx({k: float(v) for k, v in other.items()}, rel=1e-3), step
