"""An address of a Ray cluster is tried before Ray is, which would try for minutes."""

import socket

import pytest

from experiments.config import ConfigError
from experiments.executors.ray_cluster import check_address


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
