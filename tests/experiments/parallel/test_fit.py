"""Two processes learn what one does: the same losses, weights and counts, for every arm."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from experiments.fitting.fit import NOTHING
from experiments.fitting.resuming import RESUME
from experiments.parallel.execution import ExecutionConfig
from experiments.parallel.fit import fit_on_ranks
from experiments.parallel.launch import on_ranks
from models.architectures import names
from tests.experiments.parallel import runs
from tests.experiments.parallel.runs import WITH_INTERACTION, Case
from tests.models.conftest import NOT_TRAINED, TRUNK

DDP = ExecutionConfig(devices=2, strategy="ddp")
FSDP = ExecutionConfig(devices=2, strategy="fsdp")
ARMS = [name for name in names() if name not in NOT_TRAINED]
ONE_LAYER = (("trunk", replace(TRUNK, depth=1)),)
CASES = (
    *(Case(arm, how) for how in (DDP, FSDP) for arm in ARMS),
    Case("shared", DDP, train=(("combine", "loss_weights"),)),
    Case("shared", FSDP, train=(("generate_weight", 0.0),)),
    Case("unifork", FSDP, train=(("interaction", WITH_INTERACTION),)),
    Case("frozen_bridge", FSDP, fields=(("language_model", "tuned"),)),
    Case("unifork", ExecutionConfig(devices=2, strategy="fsdp", accumulate=2, recompute=True)),
    Case("shared", ExecutionConfig(devices=2, strategy="ddp", compiler="aot_eager"), (), ONE_LAYER),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All cases, run by one pair of processes."""
    out = tmp_path_factory.mktemp("two")
    on_ranks(DDP, runs.run_all, out, out, CASES)
    return out


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_two_processes_have_the_losses_weights_and_counts_of_one(
    case: Case, folder: Path, tmp_path: Path
) -> None:
    runs.run_whole(tmp_path, case)
    found, expected = runs.losses(folder / case.label), runs.losses(tmp_path)
    assert len(expected) >= runs.STEPS
    assert found == pytest.approx(expected, rel=2e-4, abs=1e-6)
    ours, theirs = (torch.load(one / "model.pt") for one in (folder / case.label, tmp_path))
    assert list(ours) == list(theirs)
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value, rtol=0, atol=2e-3, msg=name)
    first, second = (
        json.loads((one / "summary.json").read_text()) for one in (folder / case.label, tmp_path)
    )
    for key in ("tokens", "tokens_by_task", "sequences", "flops", "parameters", "steps"):
        assert first[key] == second[key], key


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_what_two_processes_saved_in_parts_one_goes_on_from(folder: Path, tmp_path: Path) -> None:
    cases = tuple(
        Case(arm, ExecutionConfig(devices=1, strategy="fsdp")) for arm in ("unifork", "task_moe")
    )
    for case in cases:
        saved = folder / f"{case.arm}-fsdp-2x1" / RESUME
        assert len(list(saved.glob("__[01]_0.distcp"))) == 2
        shutil.copytree(saved, tmp_path / case.label / RESUME)
    on_ranks(cases[0].execution, runs.run_all, tmp_path, tmp_path, cases)
    for case in cases:
        found = runs.losses(tmp_path / case.label)
        assert {step for step, _ in found} == {runs.STEPS}  # the steps before were not done again
        two = folder / f"{case.arm}-fsdp-2x1"
        expected = {key: value for key, value in runs.losses(two).items() if key in found}
        assert found == pytest.approx(expected, rel=2e-4, abs=1e-6)
        ours, theirs = (torch.load(one / "model.pt") for one in (tmp_path / case.label, two))
        for name, value in theirs.items():
            torch.testing.assert_close(ours[name], value, rtol=0, atol=5e-4, msg=name)


@pytest.mark.slow
def test_a_process_that_fails_ends_the_others_and_says_why(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"process 1 of execution\.devices=2 must finish, got .*no"
    ):
        on_ranks(DDP, runs.fail_as_second, tmp_path)


def test_projected_gradients_are_refused_where_a_step_is_cut(tmp_path: Path) -> None:
    how = ExecutionConfig(accumulate=2)
    case = Case("shared", how, train=(("combine", "pcgrad"),))
    with pytest.raises(ValueError, match=r"train\.combine must be sum or loss_weights .* 2 pieces"):
        fit_on_ranks(runs.module(case), runs.data(), tmp_path, tmp_path, NOTHING, how)


MICRO_BATCHES = (
    Case("shared", ExecutionConfig(accumulate=2)),
    Case("frozen_bridge", ExecutionConfig(accumulate=4)),
    Case("double_encoder", ExecutionConfig(accumulate=2, recompute=True)),
    Case("mot", ExecutionConfig(recompute=True)),
)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("case", MICRO_BATCHES, ids=lambda case: case.label)
def test_micro_batches_and_recomputing_change_no_loss(case: Case, tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole", tmp_path / case.label
    whole.mkdir()
    runs.run_whole(whole, case)
    runs.run_all(tmp_path, tmp_path, (case,))
    assert runs.losses(cut) == pytest.approx(runs.losses(whole), rel=1e-4, abs=1e-6)
    ours, theirs = (torch.load(one / "model.pt") for one in (cut, whole))
    assert list(ours) == list(theirs)
