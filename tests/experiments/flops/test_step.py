"""A large batch's FLOPs come from parts of it, a small one's from the whole."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from experiments.flops import step as counting
from experiments.flops.counter import flop_counter
from experiments.flops.step import batch_flops, step_flops
from experiments.parallel.execution import ONE_DEVICE
from models.batch import Batch
from models.causal_attention import causal_attention
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


class Products(TorchDispatchMode):
    """Notes the operations that multiply matrices."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = str(func.overloadpacket)
        if "mm" in name.split(".")[-1]:
            self.names.add(name)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("arm", ARMS)
def test_no_product_of_matrices_goes_uncounted(arm: str) -> None:
    module, batch = runs.module(Case(arm, ONE_DEVICE)), runs.data().batches(0)[0]
    with flop_counter() as counter, Products() as products:
        module.training_step(batch, 0).backward()
    counted = {str(name) for name in counter.get_flop_counts()["Global"]}
    assert "aten.mm" in products.names
    assert products.names <= counted


def test_attention_costs_twice_as_much_backward_as_forward() -> None:
    three = [torch.randn(2, 2, 64, 8, requires_grad=True) for _ in range(3)]
    with flop_counter() as counter:
        out = causal_attention(*three)
    with flop_counter() as backward:
        out.sum().backward()
    assert backward.get_total_flops() == 2 * counter.get_total_flops() > 0


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
