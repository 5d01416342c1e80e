"""What Lightning is asked to do, step by step: a run ends where its loop written out ends."""

import json
from dataclasses import replace
from pathlib import Path

import torch

from experiments.fitting.fit import Spent, fit
from models.training import build_optimizer, warmed_decay
from tests.experiments.fitting.tiny_training import STEPS, TRAIN, data, module

CLIPPED = replace(TRAIN, clip_norm=0.05, checkpoints=2, ema_horizon=0.1)


def averages() -> list[dict[str, torch.Tensor]]:
    """The averaged weights after each step, gradients clipped and rates by the schedule."""
    one, batches = module(CLIPPED), data().batches(0)
    optimizer = build_optimizer(one, CLIPPED)
    rates = [group["lr"] for group in optimizer.param_groups]
    found: list[dict[str, torch.Tensor]] = []
    for step in range(STEPS):
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * CLIPPED.rate(step)
        optimizer.zero_grad()
        one.training_step(batches[step], step).backward()
        stepped = [p for group in optimizer.param_groups for p in group["params"]]
        norm = torch.nn.utils.clip_grad_norm_(stepped, CLIPPED.clip_norm)
        assert norm > CLIPPED.clip_norm
        optimizer.step()
        state = {name: value.detach().clone() for name, value in one.named_parameters()}
        share = 1 - warmed_decay(CLIPPED.ema_decay, step)
        found.append({n: found[-1][n].lerp(v, share) for n, v in state.items()} if step else state)
    return found


def test_a_run_ends_where_its_loop_written_out_ends(tmp_path: Path) -> None:
    fit(module(CLIPPED), data(), tmp_path, Spent(flops=7, tokens=5))
    expected = averages()
    for file, step in (("checkpoints/step-000010", 10), ("checkpoints/step-000020", 20)):
        saved = torch.load(tmp_path / f"{file}.pt", weights_only=True)
        for name, value in expected[step - 1].items():
            assert torch.equal(saved[name], value), (name, step)
    last = torch.load(tmp_path / "model.pt", weights_only=True)
    assert all(torch.equal(value, saved[name]) for name, value in last.items())
    about = json.loads((tmp_path / "checkpoints/step-000010.json").read_text())
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert about["flops"] == 7 + 10 * summary["flops_per_step"]
    assert summary["flops"] == 7 + STEPS * summary["flops_per_step"]
    counted = sum(
        int((s["tokens"] != 0).sum()) for i in range(10) for s in data().batches(0)[i].values()
    )
    assert about["tokens"] == 5 + counted
