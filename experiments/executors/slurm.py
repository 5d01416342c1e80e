"""Units as SLURM jobs, submitted by submitit.

A job that meets its time limit is sent back into the queue by submitit's handler of SLURM's warning
signal, one whose node was lost by SLURM itself (`--requeue`). Either way the unit goes on from its
unfinished folder, as it does after a crash on one machine.
"""

import time
from dataclasses import dataclass
from pathlib import Path

import submitit
from submitit.core.utils import DelayedSubmission, FailedJobError

from experiments.config import ConfigError
from experiments.executors import process
from experiments.executors.interface import SECONDS_TO_APPEAR, UnitTask
from experiments.executors.units import slug
from experiments.planning.sources import ROOT
from experiments.store.steps import StepError

FOLDER = "slurm"
"""Beside the logs: submitit's pickles, and what a job says that is not its unit's."""


@dataclass(frozen=True, kw_only=True)
class SlurmConfig:
    """What a job asks for. `requeues` counts the time limits that a unit may meet."""

    minutes: int = 240
    memory_gib: int = 8
    partition: str = ""
    account: str = ""
    requeues: int = 10

    def __post_init__(self) -> None:
        for name, least in {"minutes": 1, "memory_gib": 1, "requeues": 0}.items():
            if getattr(self, name) < least:
                raise ConfigError(
                    f"slurm.{name} must be at least {least}, got {getattr(self, name)}."
                )


@dataclass(frozen=True)
class UnitJob:
    """What a job calls; `checkpoint` is submitit's question for what to run after a requeue."""

    task: UnitTask

    def __call__(self) -> str:
        return process.run(self.task)

    def checkpoint(self) -> DelayedSubmission:
        return DelayedSubmission(self)


class SlurmJob:
    def __init__(self, job: submitit.Job) -> None:
        self.job, self.ended = job, 0.0

    def poll(self) -> str | None:
        if not self.job.done():
            return None
        if not self.job.paths.result_pickle.exists():
            return self.without_result()
        fault = self.job.exception()
        if fault is None:
            return self.job.result()
        return f"the job {self.job.job_id} failed: {last_error(str(fault))}"

    def without_result(self) -> str | None:
        """A job that ended well may have left one that does not show here yet."""
        self.ended = self.ended or time.monotonic()
        waited = time.monotonic() - self.ended
        if self.job.state == "COMPLETED" and waited < SECONDS_TO_APPEAR:
            return None
        return f"the job {self.job.job_id} ended as {self.job.state} and left no result"

    def stop(self) -> None:
        self.job.cancel(check=False)

    def wait(self) -> None:
        """A cancelled job ends by SLURM's hand; the locks of its steps tell when it has."""


class SlurmExecutor:
    """`cluster` is submitit's name of what runs the jobs: tests give `local`.

    Raises ConfigError on a machine that cannot submit jobs.
    """

    poll_seconds = 2.0  # a look asks the shared storage for every job's result

    def __init__(self, config: SlurmConfig, cluster: str = "slurm") -> None:
        self.config, self.cluster = config, cluster
        if cluster == "slurm" and submitit.SlurmExecutor.affinity() <= 0:
            raise ConfigError(
                "--executor slurm must be called on a machine that submits jobs, got no srun."
            )

    def start(self, task: UnitTask) -> SlurmJob:
        """Raises StepError with SLURM's own words for a job that it does not take."""
        try:
            return SlurmJob(self.submitter(task).submit(UnitJob(task)))
        except FailedJobError as error:
            raise StepError(f"SLURM must take the job of {task.unit}: {error}") from None

    def submitter(self, task: UnitTask) -> submitit.AutoExecutor:
        """A SLURM executor that asks for what this task needs."""
        folder: Path = task.log.parent / FOLDER
        kind, asked = self.cluster, self.config
        executor = submitit.AutoExecutor(
            folder, cluster=kind, **{f"{kind}_max_num_timeout": asked.requeues}
        )
        executor.update_parameters(
            name=slug(task.unit),
            timeout_min=asked.minutes,
            mem_gb=asked.memory_gib,
            cpus_per_task=task.threads,
            gpus_per_node=task.devices if task.device == "cuda" else None,
            slurm_partition=asked.partition or None,
            slurm_account=asked.account or None,
            slurm_additional_parameters={"requeue": True, "chdir": str(ROOT)},
        )
        return executor


def last_error(trace: str) -> str:
    """The line of a traceback, wrapped in submitit's own text, that says what was raised."""
    lines = trace.partition("\n---")[2].strip("-\n").partition("\n---")[0].splitlines()
    return lines[-1] if lines else trace
