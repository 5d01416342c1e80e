"""Units as processes of this machine."""

import subprocess

from experiments.devices import VISIBLE, dealt, visible
from experiments.executors import process
from experiments.executors.interface import UnitTask
from experiments.store.steps import StepError

SECONDS_TO_STOP = 10.0


class LocalJob:
    def __init__(self, child: "subprocess.Popen[bytes]", device: str) -> None:
        self.child, self.device = child, device

    def poll(self) -> str | None:
        code = self.child.poll()
        return None if code is None else process.how_it_ended(code)

    def stop(self) -> None:
        self.child.terminate()

    def wait(self) -> None:
        try:
            self.child.wait(SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


class LocalExecutor:
    """Deals out the CUDA devices that it sees."""

    poll_seconds = 0.2

    def __init__(self) -> None:
        self.jobs: list[LocalJob] = []

    def start(self, task: UnitTask) -> LocalJob:
        """Raises StepError where the task asks for more CUDA devices than there are."""
        running = [job for job in self.jobs if job.poll() is None]
        devices = visible() if task.device == "cuda" else []
        if task.device == "cuda" and len(devices) < task.devices:
            raise StepError(
                f"--device cuda must find the {task.devices} CUDA device(s) of {task.unit}, "
                f"got {len(devices)}."
            )
        device = dealt(devices, [job.device for job in running], task.devices)
        job = LocalJob(process.start(task, {VISIBLE: device}), device)
        self.jobs = [*running, job]
        return job
