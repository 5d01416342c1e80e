"""Processes of this machine: which CUDA device each is shown, and how each ends."""

import signal
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.devices import VISIBLE
from experiments.executors import local, process
from experiments.executors.interface import UnitTask
from experiments.executors.local import LocalExecutor, LocalJob
from experiments.store.steps import StepError


class Shown:
    """Takes the place of `subprocess.Popen`: keeps what a process is shown, and ends when told."""

    started: list["Shown"]

    def __init__(self, command: object, env: dict[str, str], **_: object) -> None:
        self.device, self.threads, self.ended = env[VISIBLE], env["OMP_NUM_THREADS"], None
        self.started.append(self)

    def poll(self) -> int | None:
        return self.ended


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Shown]:
    Shown.started = []
    monkeypatch.setattr(subprocess, "Popen", Shown)
    monkeypatch.setenv(VISIBLE, "0,2")
    return Shown.started


def task(folder: Path, device: str) -> UnitTask:
    return UnitTask(folder / "plan.json", "unit", folder, folder / "unit.log", 3, device)


def test_a_device_goes_to_the_process_that_finds_it_free(
    started: list[Shown], tmp_path: Path
) -> None:
    executor = LocalExecutor()
    for _ in range(2):
        executor.start(task(tmp_path, "cuda"))
    started[1].ended = 0
    executor.start(task(tmp_path, "cuda"))
    assert [one.device for one in started] == ["0", "2", "2"]
    assert {one.threads for one in started} == {"3"}


@pytest.mark.parametrize(("shown", "devices"), [("", 1), ("0,2", 3)])
def test_a_task_with_more_devices_than_there_are_is_not_started(
    started: list[Shown], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: str, devices: int
) -> None:
    monkeypatch.setenv(VISIBLE, shown)
    wanting = replace(task(tmp_path, "cuda"), devices=devices)
    with pytest.raises(StepError, match=rf"must find the {devices} CUDA device\(s\) of unit, got"):
        LocalExecutor().start(wanting)
    assert not started


def test_a_process_on_the_cpu_sees_no_device_wherever_it_runs(
    started: list[Shown], tmp_path: Path
) -> None:
    LocalExecutor().start(task(tmp_path, "cpu"))
    process.start(task(tmp_path, "cpu"))
    assert [one.device for one in started] == ["", ""]
    process.start(task(tmp_path, "cuda"))
    assert started[-1].device == "0,2"  # as SLURM or Ray has set it


def test_a_process_that_ended_badly_is_told_by_its_signal_or_its_status() -> None:
    assert process.how_it_ended(0) == ""
    assert process.how_it_ended(-9) == "the process ended with signal SIGKILL"
    assert process.how_it_ended(3) == "the process ended with exit status 3"


def test_a_process_that_is_deaf_to_the_request_to_end_is_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(local, "SECONDS_TO_STOP", 0.1)
    command = ["sh", "-c", "trap '' TERM; echo; exec sleep 10"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as deaf:
        assert deaf.stdout
        deaf.stdout.readline()
        job = LocalJob(deaf, "")
        job.stop()
        job.wait()
        assert job.poll() == "the process ended with signal SIGKILL"


def test_what_interrupts_the_wait_for_a_unit_ends_its_process_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sleeper = subprocess.Popen(["sleep", "10"])

    def interrupted() -> int:
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(process, "start", lambda task: sleeper)
    monkeypatch.setattr(sleeper, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        process.run(task(tmp_path, "cpu"))
    assert sleeper.poll() == -signal.SIGKILL
