"""Devices by name, and what a plan prints of them."""

import io
from dataclasses import replace
from types import SimpleNamespace

import pytest
from rich.console import Console

from experiments.config import ConfigError
from experiments.parallel.execution import ExecutionConfig
from experiments.scaling.estimate import ArmEstimate
from experiments.scaling.hardware import GIB, Fleet
from experiments.scaling.memory import Memory
from experiments.scaling.tables import on_fleet, print_estimates
from models.shared import SharedConfig
from models.training import TrainConfig


def test_eight_devices_at_a_third_take_the_hours_that_their_peak_allows() -> None:
    fleet = Fleet.read("8xh100", 0.3)
    assert (fleet.count, fleet.name) == (8, "h100")
    assert fleet.hours(8 * 989e12 * 0.3 * 3600 * 2) == pytest.approx(2)


def test_a_name_alone_is_one_device_even_with_an_x_in_it() -> None:
    assert Fleet.read("rtx4090", 1.0).count == 1
    assert Fleet.read("2xrtx4090", 1.0).count == 2


@pytest.mark.parametrize("text", ["8xh9000", "0xh100", "h100x8", "", "x"])
def test_devices_that_are_not_known_are_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"--devices must read like 8xh100 with one of a100"):
        Fleet.read(text, 0.3)


def test_a_utilisation_above_one_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"--utilisation must lie in \(0, 1\], got 30"):
        Fleet.read("h100", 30)


def config(**changes: object) -> SimpleNamespace:
    train = TrainConfig(understand_batch=64, generate_batch=32)
    fields = {"model": SharedConfig(), "train": train, "execution": ExecutionConfig()}
    return SimpleNamespace(**{**fields, **changes})


def test_a_fleet_sets_the_devices_and_leaves_a_strategy_for_several_alone() -> None:
    fleet = Fleet.read("4xh100", 0.3)
    assert on_fleet(config(), fleet).execution == ExecutionConfig(devices=4, strategy="ddp")
    sharded = ExecutionConfig(devices=2, strategy="fsdp", recompute=True)
    assert on_fleet(config(execution=sharded), fleet).execution == replace(sharded, devices=4)


def test_a_batch_that_the_fleet_cannot_share_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"train\.generate_batch must be a multiple of 64"):
        on_fleet(config(), Fleet.read("64xh100", 0.3))
    halves = config(execution=ExecutionConfig(accumulate=2))
    with pytest.raises(ConfigError, match=r"train\.generate_batch must be a multiple of 64"):
        on_fleet(halves, Fleet.read("32xh100", 0.3))


def test_the_tables_show_hours_and_what_does_not_fit() -> None:
    memory = Memory(GIB, GIB, GIB, GIB, 0, 80 * GIB)
    one = ArmEstimate(2_500_000, 2_000_000, 989e12 * 3600, 3e6, memory, GIB, 6 * GIB)
    fleet, out = Fleet.read("h100", 0.5), io.StringIO()
    console = Console(file=out, width=160)
    print_estimates(console, {"shared": one}, fleet)
    shown = out.getvalue()
    trained = next(line for line in shown.splitlines() if "3.56e+18" in line)
    assert trained.split() == [
        "shared",
        "2.50",
        "M",
        "2.00",
        "M",
        "3.56e+18",
        "3.0",
        "M",
        "2",
        "6.00",
    ]
    assert "84.00 (does not fit)" in shown
