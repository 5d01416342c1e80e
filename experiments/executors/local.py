"""Units as processes of this machine."""

import subprocess

from experiments.executors import process
from experiments.executors.interface import Task

SECONDS_TO_STOP = 10.0


class LocalJob:
    def __init__(self, child: "subprocess.Popen[bytes]") -> None:
        self.child = child

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
    def start(self, task: Task) -> LocalJob:
        return LocalJob(process.start(task))
