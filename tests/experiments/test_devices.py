"""Which device a process gets."""

import pytest

from experiments import devices


def test_auto_is_cuda_where_a_device_is_visible_and_else_the_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(devices.VISIBLE, "")
    assert devices.chosen("auto") == "cpu"
    monkeypatch.setenv(devices.VISIBLE, "-1")
    assert devices.chosen("auto") == "cpu"
    monkeypatch.setenv(devices.VISIBLE, "0,2")
    assert devices.chosen("auto") == "cuda"
    assert devices.chosen("cpu") == "cpu"


def test_without_the_driver_there_is_no_device(
    monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    monkeypatch.delenv(devices.VISIBLE, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert devices.visible() == []


def test_a_process_gets_the_device_that_fewest_have() -> None:
    assert devices.dealt(["0", "1"], ["0", "1", "0"]) == "1"
    assert devices.dealt([], ["0"]) == ""


def test_a_cell_spread_over_several_devices_gets_those_that_fewest_have() -> None:
    assert devices.dealt(["0", "1", "2"], ["0,1"], 2) == "2,0"
