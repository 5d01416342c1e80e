"""A dry run costs what the real one costs."""

import pytest
import torch

from experiments.flops.dry_run import DryRun
from experiments.flops.step import step_flops
from experiments.parallel.execution import ONE_DEVICE
from experiments.scaling.step_cost import Kept
from tests.experiments.parallel import runs
from tests.experiments.parallel.runs import Case


@pytest.mark.parametrize("arm", ["shared", "unifork", "mot", "double_encoder", "frozen_bridge"])
def test_a_dry_run_counts_the_flops_and_the_memory_of_the_real_one(arm: str) -> None:
    batch = runs.data().batches(0)[0]
    with DryRun():
        dry = runs.module(Case(arm, ONE_DEVICE))
        dry_flops = step_flops(dry, batch)
        with Kept(dry) as dry_kept:
            dry.training_step(batch, 0)
    real = runs.module(Case(arm, ONE_DEVICE))
    with Kept(real) as kept:
        real.training_step(batch, 0)
    assert dry_flops == step_flops(real, batch) > 0
    assert dry_kept.bytes == kept.bytes > 0


def test_inside_a_dry_run_nothing_is_multiplied_and_nothing_drawn() -> None:
    ones = torch.ones(3, 3)
    with DryRun():
        assert torch.equal(ones @ ones, torch.zeros(3, 3))
        assert torch.equal(torch.empty(4).normal_(), torch.zeros(4))
    assert torch.equal(ones @ ones, torch.full((3, 3), 3.0))
