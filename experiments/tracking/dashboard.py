"""Opens MLflow on this machine, and tells where each suite's views are (views.py)."""

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import URLError

from experiments.config import ConfigError
from experiments.evidence.collect import RUN_IDS
from experiments.options import runs_option
from experiments.tracking.views import views

START_SECONDS = 120
HOST = "127.0.0.1"


def links(runs: Path, address: str) -> list[str]:
    """The address of each view of every suite that has runs."""
    found = {}
    for path in sorted(runs.glob(f"*/{RUN_IDS}")):
        experiment = json.loads(path.read_text())["experiment"]
        for key, (name, _) in views({}).items():
            query = f"viewStateShareKey={key}&compareRunsMode=CHART"
            url = f"{address}/#/experiments/{experiment}/runs?{query}"
            found[url] = f"{path.parent.name}: {name}: {url}"
    return list(found.values())


def check_free(port: int) -> None:
    """Raises ConfigError where another server has the port: it would answer in MLflow's place."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise ConfigError(f"--port must be free on {HOST}, got {port} ({error}).") from None


def wait_until_healthy(address: str, process: "subprocess.Popen[bytes]") -> bool:
    """Whether the server answers within START_SECONDS."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=2):
                return True
        except (URLError, TimeoutError, ConnectionError):
            time.sleep(1)
    return False


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m experiments dashboard")
    runs_option(parser)
    parser.add_argument("--port", type=int, default=5000)
    options = parser.parse_args(arguments)
    runs = options.runs.resolve()
    if not (runs / "mlflow.db").exists():
        raise ConfigError(
            f"{runs} must hold an ablation's MLflow store; `make ablation` makes one."
        )
    check_free(options.port)
    address = f"http://{HOST}:{options.port}"
    command = [sys.executable, "-m", "mlflow", "ui", "--host", HOST]
    store = ["--backend-store-uri", f"sqlite:///{runs}/mlflow.db", "--port", str(options.port)]
    with server([*command, *store]) as process:
        if wait_until_healthy(address, process):
            print("\n".join(links(runs, address)), flush=True)
        return process.wait()


@contextmanager
def server(command: Sequence[str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Runs MLflow and ends it with all its workers, on Ctrl-C and on a plain kill too."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    process = subprocess.Popen(command, start_new_session=True)
    try:
        yield process
    except KeyboardInterrupt:
        sys.exit(0)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        process.wait()
