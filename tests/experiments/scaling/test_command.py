"""`plan --devices` beside the plan that it was before."""

from pathlib import Path

import pytest

from experiments.__main__ import FAILED, main

PLAN = ["plan", "--suite", "architectures", "--arms", "shared,unifork", "--device", "cpu"]


def test_unknown_devices_are_refused_before_anything_is_planned(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([*PLAN, "--runs", str(tmp_path), "--devices", "8xabacus"]) == FAILED
    assert "--devices must read like 8xh100" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("preset", ["cpu", "gpu", "gpu-llm", "cluster"])
def test_a_preset_is_planned_with_what_its_arms_take(
    preset: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    place = ["--preset", preset, "--runs", str(tmp_path), "--devices", "2xh100"]
    assert main([*PLAN, *place]) == 0
    shown = capsys.readouterr().out
    assert f"Suite architectures, preset {preset}" in shown
    assert ("nothing was fetched" in shown) == (preset in ("gpu-llm", "cluster"))
    training, memory = shown[shown.index("Training on 2 x h100") :].split("Memory of one device")
    for arm in ("shared", "unifork"):
        assert arm in training
        assert arm in memory
