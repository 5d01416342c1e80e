"""Ray without a cluster: an address is tried before Ray is, which would try for minutes; and what
a unit asks for."""

import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from experiments.config import ConfigError
from experiments.executors.interface import UnitTask
from experiments.executors.ray_cluster import RayConfig, RayExecutor, check_address


def test_a_cluster_that_does_not_answer_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        check_address(address)
    with pytest.raises(ConfigError, match=f"must find a cluster at {address}: Connection refused"):
        check_address(address)


@pytest.mark.parametrize("address", ["head:", "head:six", "head:65536"])
def test_an_address_without_a_port_is_refused(address: str) -> None:
    with pytest.raises(ConfigError, match=f"must read HOST:PORT, .* got '{address}'"):
        check_address(address)


@pytest.mark.parametrize("address", ["auto", "local", "ray://head:10001"])
def test_a_word_and_another_scheme_are_left_to_ray(address: str) -> None:
    check_address(address)


def test_a_unit_asks_the_cluster_for_its_threads_its_devices_and_what_the_settings_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def options(**given: Any) -> SimpleNamespace:
        asked.update(given)
        return SimpleNamespace(remote=lambda task: None)

    monkeypatch.setattr("ray.init", lambda *_, **__: None)
    monkeypatch.setattr("ray.remote", lambda _: SimpleNamespace(options=options))
    task = UnitTask(
        tmp_path / "plan.json", "unifork, seed 3", tmp_path, tmp_path / "log", 4, "cuda", 2
    )
    RayExecutor(RayConfig(memory_gib=3, retries=5)).start(task)
    assert asked == {
        "name": "unifork-seed-3",
        "num_cpus": 4,
        "num_gpus": 2,
        "memory": 3 * 2**30,
        "max_retries": 5,
    }
