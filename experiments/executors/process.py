"""The process of a unit, on whichever machine this is called."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping

from experiments.devices import VISIBLE
from experiments.executors.interface import UnitTask
from experiments.planning.sources import ROOT

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def start(task: UnitTask, shown: Mapping[str, str] | None = None) -> "subprocess.Popen[bytes]":
    """Starts a unit; `shown` are environment variables that show it a CUDA device.

    A scheduler such as SLURM's has set them already; a unit that uses the CPU sees no device.
    """
    settings = dict.fromkeys(THREAD_VARIABLES, str(task.threads)) | dict(shown or {})
    if task.device == "cpu":
        settings[VISIBLE] = ""
    task.log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "experiments", "cell", str(task.plan), task.unit]
    with task.log.open("ab") as output:
        return subprocess.Popen(
            [*command, str(task.runs)],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **settings},
            start_new_session=True,
        )


def run(task: UnitTask) -> str:
    """Runs a unit to its end and returns how it ended, as `Job.poll` does.

    What interrupts this function, such as a signal's handler that raises, ends the process too.
    """
    process = start(task)
    try:
        return how_it_ended(process.wait())
    finally:
        process.kill()
        process.wait()


def how_it_ended(code: int) -> str:
    """A process's exit status in words; nothing for success."""
    if code == 0:
        return ""
    how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
    return f"the process ended with {how}"
