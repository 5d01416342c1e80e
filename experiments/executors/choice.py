"""The executor that `--executor NAME:key=value,key=value` names, and where its runs are tracked."""

import argparse
import re
import urllib.request
from dataclasses import dataclass, fields
from http.client import HTTPException
from typing import Any
from urllib.error import URLError

from experiments.config import ConfigError
from experiments.executors.interface import Executor
from experiments.executors.local import LocalExecutor
from experiments.store.steps import load_function

LOCAL = "local"
UNTRACKED = "none"
SECONDS_TO_ANSWER = 10.0
SERVERS = ("http", "https")
STORES = ("file", "sqlite", "postgresql", "mysql", "mssql", "databricks")
REMOTE = {
    "slurm": ("experiments.executors.slurm:SlurmConfig", "SlurmExecutor", "submitit"),
    "ray": ("experiments.executors.ray_cluster:RayConfig", "RayExecutor", "ray"),
}
"""Its settings, its class beside them, and the package that it stands on."""


@dataclass(frozen=True)
class Machines:
    """Where cells run, and the MLflow server that tracks them: none for the file below `runs`."""

    executor: Executor
    track: bool = True
    server: str = ""


def executor_options(parser: argparse.ArgumentParser) -> None:
    text = "local, slurm or ray, with settings: slurm:partition=gpu,minutes=60"
    parser.add_argument("--executor", default=LOCAL, help=text)
    text = "an MLflow server's address, or none (default: a file below RUNS)"
    parser.add_argument("--tracking", default="", help=text)


def open_machines(executor: str, tracking: str) -> Machines:
    """Raises ConfigError for an unknown executor or setting, and for one that is not to be had."""
    name, _, settings = executor.partition(":")
    if name not in (LOCAL, *REMOTE):
        known = ", ".join((LOCAL, *REMOTE))
        raise ConfigError(f"--executor must be one of {known}, got {name!r}.")
    if name != LOCAL and not tracking:
        raise ConfigError(
            f"--tracking must name an MLflow server, or none, with --executor {name}: "
            "a runs folder that machines share is no place for SQLite."
        )
    track = tracking != UNTRACKED
    server = tracking if track else ""
    check_server(server)
    return Machines(open_executor(name, settings), track, server)


def check_server(address: str) -> None:
    """Raises ConfigError for an address of no kind that MLflow has, and where no server answers."""
    kind = re.split(r"[+:]", address)[0]
    if kind not in ("", *SERVERS, *STORES):
        known = ", ".join((*SERVERS, *STORES))
        raise ConfigError(
            f"--tracking must begin with one of {known}, or be none, got {address!r}."
        )
    if kind not in SERVERS:
        return
    try:
        urllib.request.urlopen(f"{address.rstrip('/')}/health", timeout=SECONDS_TO_ANSWER).close()
    except (URLError, TimeoutError, ConnectionError, HTTPException) as error:
        raise ConfigError(
            f"--tracking must be an MLflow server that answers, got {address}: {error}."
        ) from None


def open_executor(name: str, settings: str) -> Executor:
    if name == LOCAL:
        if settings:
            raise ConfigError(f"--executor local must stand alone, got the settings {settings!r}.")
        return LocalExecutor()
    config, kind, package = REMOTE[name]
    try:
        config_class: Any = load_function(config)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"--executor {name} must have the package {package}, got none: {error}."
        ) from None
    made: Any = load_function(f"{config.partition(':')[0]}:{kind}")
    return made(config_class(**read_settings(name, settings, config_class)))


def read_settings(name: str, text: str, config: type) -> dict[str, str | int]:
    """`"minutes=60,partition=gpu"` as the fields of a settings class, each a text or a number."""
    known = {field.name: field.type for field in fields(config)}
    values: dict[str, str | int] = {}
    for setting in filter(None, text.split(",")):
        key, equals, value = setting.partition("=")
        if not equals:
            raise ConfigError(f"a setting of {name} must read key=value, got {setting!r}.")
        if key not in known:
            raise ConfigError(
                f"a setting of {name} must be one of {', '.join(known)}, got {key!r}."
            )
        try:
            values[key] = int(value) if known[key] is int else value
        except ValueError:
            raise ConfigError(f"{name}.{key} must be a whole number, got {value!r}.") from None
    return values
