"""A large batch's FLOPs come from parts of it, a small one's from the whole."""

import pytest
import torch

from experiments import step_flops as counting
from experiments.parallel.execution import ONE_DEVICE
from experiments.step_flops import batch_flops, step_flops
from models.batch import Batch
from tests.experiments.parallel import runs
from tests.experiments.parallel.runs import Case

ARMS = ["shared", "unifork", "task_moe", "mot", "double_encoder", "frozen_bridge"]


def repeated(times: int) -> Batch:
    """One sequence of each task, many times: what a sequence costs is then sure."""
    batch = runs.data().batches(0)[0]
    return {
        task: {name: torch.cat([values[:1]] * times) for name, values in part.items()}
        for task, part in batch.items()
    }


@pytest.mark.parametrize("arm", ARMS)
def test_a_large_batch_lies_on_the_line_through_its_parts(
    arm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, batch = runs.module(Case(arm, ONE_DEVICE)), repeated(256)
    if "understand" not in module.trained_tasks:
        del batch["understand"]
    whole = step_flops(module, batch)
    monkeypatch.setattr(counting, "WHOLE_TOKENS", 64)
    assert batch_flops(module, batch) == pytest.approx(whole, rel=0.03)  # rows come in 128s


def test_a_small_batch_is_counted_as_it_runs() -> None:
    module, batch = runs.module(Case("task_moe", ONE_DEVICE)), repeated(8)
    assert batch_flops(module, batch) == step_flops(module, batch)


def test_of_a_large_batch_no_more_than_the_parts_is_stepped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module, batch = runs.module(Case("shared", ONE_DEVICE)), repeated(64)
    monkeypatch.setattr(counting, "WHOLE_TOKENS", 64)
    monkeypatch.setattr(counting, "PART_TOKENS", 128)
    stepped, tokens = module.training_step, []

    def watched(part: Batch, index: int) -> torch.Tensor:
        tokens.append(sum(one["tokens"].numel() for one in part.values()))
        return stepped(part, index)

    monkeypatch.setattr(module, "training_step", watched)
    batch_flops(module, batch)
    assert len(tokens) == 4
    assert max(tokens) <= 256
