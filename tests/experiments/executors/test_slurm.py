"""Jobs over submitit: the file that SLURM gets, what becomes of a job, and a time limit met."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from submitit.core.utils import DelayedSubmission, cloudpickle_dump

from experiments.config import ConfigError
from experiments.executors import slurm
from experiments.executors.interface import UnitTask
from experiments.executors.local import LocalExecutor
from experiments.executors.slurm import SlurmConfig, SlurmExecutor, SlurmJob
from experiments.planning.sources import ROOT
from experiments.running.ablate import Ablation
from experiments.store.steps import StepError
from tests.experiments.executors.conftest import tables

SBATCH = """#!/bin/bash

# Parameters
#SBATCH --account=vision
#SBATCH --chdir={root}
#SBATCH --cpus-per-task=4
#SBATCH --error={logs}/slurm/%j_0_log.err
#SBATCH --gpus-per-node=1
#SBATCH --job-name=unifork-seed-3
#SBATCH --mem=32GB
#SBATCH --nodes=1
#SBATCH --open-mode=append
#SBATCH --output={logs}/slurm/%j_0_log.out
#SBATCH --partition=gpu
#SBATCH --requeue
#SBATCH --signal=USR2@90
#SBATCH --time=90
#SBATCH --wckey=submitit
"""
COMMANDS = {
    "srun": "exit 1",
    "sbatch": 'cp "$1" {seen}/submitted.sh; echo "Submitted batch job $(cat {seen}/id)"',
    "sacct": 'echo "JobID|State|NodeList"; echo "$(cat {seen}/id)|$(cat {seen}/state)|node1"',
    "scancel": 'echo "$@" > {seen}/cancelled',
}


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with SLURM's commands on the path: what they are given is left in it."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, script in COMMANDS.items():
        (commands / name).write_text(f"#!/bin/bash\n{script.format(seen=tmp_path)}\n")
        (commands / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def submitted(seen: Path, number: int, state: str, devices: int = 1, **settings: int) -> SlurmJob:
    (seen / "id").write_text(str(number))
    (seen / "state").write_text(state)
    config = SlurmConfig(minutes=90, memory_gib=32, partition="gpu", account="vision", **settings)
    unit, log = "unifork, seed 3", seen / "logs/u.log"
    task = UnitTask(seen / "plan.json", unit, seen / "runs", log, 4, "cuda", devices)
    return SlurmExecutor(config).start(task)


def test_a_job_asks_slurm_for_what_the_settings_say(seen: Path) -> None:
    submitted(seen, 17, "PENDING")
    parameters, _, command = (seen / "submitted.sh").read_text().partition("\n# command\n")
    assert parameters == SBATCH.format(root=ROOT, logs=seen / "logs")
    assert f"submitit.core._submit {seen / 'logs/slurm'}" in command


def test_a_unit_of_several_devices_asks_for_all_of_them_on_its_node(seen: Path) -> None:
    submitted(seen, 52, "PENDING", devices=3)
    assert "#SBATCH --gpus-per-node=3\n" in (seen / "submitted.sh").read_text()


def test_a_job_is_requeued_as_often_as_the_settings_say(seen: Path) -> None:
    job = submitted(seen, 53, "PENDING", requeues=7)
    assert DelayedSubmission.load(job.job.paths.submitted_pickle)._timeout_countdown == 7


def test_a_job_that_left_a_result_ended_as_its_unit_did(seen: Path) -> None:
    job = submitted(seen, 51, "COMPLETED")
    how = "the process ended with exit status 3"
    cloudpickle_dump(("success", how), job.job.paths.result_pickle)
    assert job.poll() == how


@pytest.mark.parametrize("state", ["NODE_FAIL", "OUT_OF_MEMORY", "CANCELLED"])
def test_a_job_that_slurm_ended_is_named_with_its_state(seen: Path, state: str) -> None:
    job = submitted(seen, 18 + len(state), state)
    assert job.poll() == f"the job {18 + len(state)} ended as {state} and left no result"


def test_a_result_that_does_not_show_yet_is_waited_for(
    seen: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submitted(seen, 54, "COMPLETED")
    assert job.poll() is None
    cloudpickle_dump(("success", ""), job.job.paths.result_pickle)
    assert job.poll() == ""
    job.job.paths.result_pickle.unlink()
    monkeypatch.setattr(slurm, "SECONDS_TO_APPEAR", 0.0)
    assert job.poll() == "the job 54 ended as COMPLETED and left no result"


def test_a_job_whose_requeues_are_spent_says_so_in_one_line(seen: Path) -> None:
    job = submitted(seen, 50, "COMPLETED")
    said = "UncompletedJobError: Job not requeued: timed-out too many times."
    trace = f"Traceback:\n  File job\n{said}"
    cloudpickle_dump(("error", trace), job.job.paths.result_pickle)
    assert job.poll() == f"the job 50 failed: {said}"


def test_a_job_that_slurm_does_not_take_is_told_in_its_words(seen: Path) -> None:
    (seen / "bin/sbatch").write_text("#!/bin/bash\necho invalid partition gpu >&2; exit 1\n")
    with pytest.raises(StepError, match=r"take the job of unifork, seed 3: invalid partition gpu$"):
        submitted(seen, 60, "PENDING")


def test_a_job_in_the_queue_goes_on_and_is_cancelled_by_its_number(seen: Path) -> None:
    job = submitted(seen, 40, "PENDING")
    assert job.poll() is None
    job.stop()
    assert (seen / "cancelled").read_text() == "40\n"


def test_a_machine_without_slurm_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ConfigError, match="must be called on a machine that submits jobs"):
        SlurmExecutor(SlurmConfig())


class TimeLimited(SlurmExecutor):
    """Warns the first job of `unit` as SLURM does, once it has come as far as `sign`."""

    poll_seconds = 0.2

    def __init__(self, unit: str, sign: Callable[[], bool]) -> None:
        super().__init__(SlurmConfig(minutes=5), "local")  # the handler takes it for a time limit
        self.unit, self.sign, self.warned = unit, sign, False

    def start(self, task: UnitTask) -> SlurmJob:
        job = super().start(task)
        if task.unit == self.unit:
            deadline = time.monotonic() + 30
            while not self.sign():
                assert time.monotonic() < deadline, "the unit never started to train"
                time.sleep(0.05)
            (child,) = psutil.Process(int(job.job.job_id)).children()
            child.send_signal(signal.SIGUSR2)
            self.warned = True
        return job


@pytest.mark.slow
def test_a_unit_that_meets_its_time_limit_is_requeued_and_the_leaderboard_is_a_local_runs(
    run_on: Callable[..., Ablation], suites: Path, tmp_path: Path
) -> None:
    (suites / "suites/toy/control.yaml").write_text("train: {behaviour: waits}")
    runs = tmp_path / "elsewhere/steps"
    executor = TimeLimited("control, seed 0", lambda: bool([*runs.glob("train-*/waiting")]))
    elsewhere = run_on(executor)
    assert executor.warned
    train = elsewhere.plan.cells[0].steps["train"]
    assert (elsewhere.store.path(train) / "starts.txt").read_text() == "0\n5\n"
    (suites / "suites/toy/control.yaml").write_text("{}")
    assert tables(elsewhere) == tables(run_on(LocalExecutor(), "here"))
