"""Units as tasks of a Ray cluster.

Ray runs a task again whose worker or node was lost (`retries`). The unit then goes on from its
unfinished folder; the lock of its step keeps it waiting where the old process is still there.
"""

import logging
import os
import socket
from dataclasses import dataclass

import ray
from ray.exceptions import GetTimeoutError, RayError

from experiments.config import ConfigError
from experiments.executors import process
from experiments.executors.interface import UnitTask
from experiments.executors.units import slug
from experiments.planning.sources import ROOT

SECONDS_TO_STOP = 10.0
SECONDS_TO_ANSWER = 10.0
LAST_PORT = 65535
GIB = 1 << 30


@dataclass(frozen=True, kw_only=True)
class RayConfig:
    """`address` is the cluster's; a task asks for as many CPUs as its process has threads."""

    address: str = "auto"
    memory_gib: int = 0
    retries: int = 3

    def __post_init__(self) -> None:
        for name in ("memory_gib", "retries"):
            if getattr(self, name) < 0:
                raise ConfigError(f"ray.{name} must not be negative, got {getattr(self, name)}.")


class RayJob:
    def __init__(self, result: "ray.ObjectRef[str]", retries: int) -> None:
        self.result, self.retries = result, retries

    def poll(self) -> str | None:
        try:
            return ray.get(self.result, timeout=0)
        except GetTimeoutError:
            return None
        except RayError as error:
            reason = str(error).partition("\n")[0]
            return f"the cluster lost it, {self.retries} retries included ({reason})"

    def stop(self) -> None:
        """Ends the worker; the unit's process ends with it."""
        ray.cancel(self.result, force=True)

    def wait(self) -> None:
        ray.wait([self.result], timeout=SECONDS_TO_STOP)


class RayExecutor:
    """Raises ConfigError where no cluster answers."""

    poll_seconds = 0.2

    def __init__(self, config: RayConfig) -> None:
        self.config = config
        check_address(config.address)
        places = filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))
        workers = {"env_vars": {"PYTHONPATH": os.pathsep.join(places)}}
        try:
            ray.init(
                config.address,
                runtime_env=workers,
                log_to_driver=False,
                logging_level=logging.WARNING,
            )
        except ConnectionError as error:
            raise ConfigError(
                f"--executor ray must find a cluster at {config.address}: {error}"
            ) from None

    def start(self, task: UnitTask) -> RayJob:
        remote = ray.remote(process.run).options(
            name=slug(task.unit),
            num_cpus=task.threads,
            num_gpus=task.devices if task.device == "cuda" else 0,
            memory=self.config.memory_gib * GIB,
            max_retries=self.config.retries,
        )
        return RayJob(remote.remote(task), self.config.retries)


def check_address(address: str) -> None:
    """Raises ConfigError where HOST:PORT does not answer: Ray itself would try for minutes."""
    host, _, port = address.rpartition(":")
    if not host or "/" in host:
        return  # a word such as auto, or an address of another scheme
    if not (port.isdigit() and int(port) <= LAST_PORT):
        raise ConfigError(
            f"ray.address must read HOST:PORT, the port at most {LAST_PORT}, got {address!r}."
        )
    try:
        socket.create_connection((host, int(port)), SECONDS_TO_ANSWER).close()
    except OSError as error:
        raise ConfigError(
            f"--executor ray must find a cluster at {address}: {error.strerror}."
        ) from None
