"""All that the scheduler asks of an executor: to start a unit's process, and how it ended.

Whatever the machine, the process is the same: `python -m experiments cell`, which finds its inputs
and leaves its results in the `runs` folder that all machines share. An executor carries nothing but
the fact that a process has ended.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

SECONDS_TO_APPEAR = 120.0
"""How long another machine's files may take to show on this one."""


@dataclass(frozen=True)
class UnitTask:
    """A unit of a plan, to be run by a process that adds what it prints to `log`.

    `device` is cpu or cuda: a process sees `devices` CUDA devices or none.
    """

    plan: Path
    unit: str
    runs: Path
    log: Path
    threads: int
    device: str = "cpu"
    devices: int = 1


class Job(Protocol):
    """A task that was started."""

    def poll(self) -> str | None:
        """None while it runs, an empty text once it ended well, otherwise how it ended."""
        ...

    def stop(self) -> None:
        """Asks it to end."""
        ...

    def wait(self) -> None:
        """Returns when it has ended after `stop`, or cannot be waited for any longer."""
        ...


class Executor(Protocol):
    """`poll_seconds` is how long to wait between two looks at all jobs."""

    poll_seconds: float

    def start(self, task: UnitTask) -> Job: ...
