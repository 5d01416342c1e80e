"""Starts the processes that train one arm together, one a device."""

import os
import socket
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.multiprocessing import ProcessExitedException, ProcessRaisedException, spawn

from experiments.parallel.execution import ExecutionConfig


@dataclass(frozen=True)
class Group:
    """Processes of one machine: how many, where they meet, and the threads of each."""

    count: int
    port: int
    threads: int

    def environment(self, rank: int) -> dict[str, str]:
        """Where Lightning and torch look for rank and address."""
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": self.port, "NODE_RANK": 0}
        numbers = {"LOCAL_RANK": rank, "RANK": rank, "WORLD_SIZE": self.count}
        return {name: str(value) for name, value in {**place, **numbers}.items()}


def on_ranks(
    execution: ExecutionConfig, function: Callable[..., None], out: Path, *arguments: Any
) -> None:
    """Runs `function(out, *arguments)` in as many processes as there are devices.

    The first of them writes to `out`, the others to a folder that is thrown away, so that a
    function writes its files without asking which it is in. Raises ValueError with what the first
    failing process said; the others are ended.
    """
    if execution.strategy == "single":
        function(out, *arguments)
        return
    group = Group(execution.devices, free_port(), torch.get_num_threads())
    try:
        spawn(_enter, (group, function, out, arguments), nprocs=execution.devices)
    except ProcessRaisedException as error:
        reason = str(error).strip().splitlines()[-1]
        raise ValueError(
            f"process {error.error_index} of execution.devices={execution.devices} must finish, "
            f"got {reason}"
        ) from error
    except ProcessExitedException as error:
        how = error.signal_name or f"exit status {error.exit_code}"
        raise ValueError(
            f"process {error.error_index} of execution.devices={execution.devices} must finish, "
            f"got {how}"
        ) from error


def _enter(
    rank: int, group: Group, function: Callable[..., None], out: Path, arguments: tuple[Any, ...]
) -> None:
    torch.set_num_threads(group.threads)
    os.environ.update(group.environment(rank))
    with tempfile.TemporaryDirectory() as scratch:
        function(out if rank == 0 else Path(scratch), *arguments)


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
