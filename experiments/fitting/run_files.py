"""What a training leaves on its way: `metrics.jsonl`, `progress.json`, and `resume.ckpt`, from
which a killed one goes on; a run of a published model at its end `broken.json`, which names the
samples that were skipped.
"""

import json
import resource
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import lightning
import torch
from lightning.pytorch.callbacks import Callback

from experiments.fitting.resuming import RESUME, put_in_place
from experiments.store.markers import write_text
from experiments.store.progress_file import ProgressFile

METRICS_EVERY = 10
RESUME_POINTS = 10
BROKEN = "broken.json"


class RunFiles(Callback):
    """The files of a run of `steps` steps in `out`, and what it took; who inherits says when a step
    has ended."""

    metrics: TextIO

    def __init__(self, out: Path, steps: int) -> None:
        self.out, self.steps = out, steps
        self.resume_every = max(1, steps // RESUME_POINTS)
        self.seconds = 0.0
        self.device, self.peak_device_bytes = "cpu", 0

    def state_dict(self) -> dict[str, Any]:
        return {"seconds": self.elapsed()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.seconds = state_dict["seconds"]

    def elapsed(self) -> float:
        """Seconds of training, those before an interruption included."""
        return self.seconds + time.monotonic() - self.started

    def on_train_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        self.started = time.monotonic()
        self.progress = ProgressFile(self.out, self.steps, trainer.global_step)
        self.metrics = open_metrics(self.out / "metrics.jsonl", trainer.global_step)
        self.first_tokens = self.tokens_seen() or 0
        self.finished = trainer.global_step

    def ends_step(self, trainer: lightning.Trainer) -> bool:
        """Whether the optimiser has stepped since the last call; else more pieces of the step are
        to come."""
        before, self.finished = self.finished, trainer.global_step
        return self.finished > before

    def is_due(self, step: int) -> bool:
        """Whether the values after `step` are written."""
        return step % METRICS_EVERY == 0 or step == self.steps

    def record(self, step: int, values: Mapping[str, float]) -> None:
        """Writes a line a value; the losses are those named `train/<task>/loss`."""
        seen = self.tokens_seen()
        about = {} if seen is None else {"tokens": seen}
        for name, value in values.items():
            line = {"step": step, **about, "name": name, "value": value}
            self.metrics.write(json.dumps(line) + "\n")
        self.metrics.flush()
        losses = {name.split("/")[1]: v for name, v in values.items() if name.endswith("/loss")}
        since = None if seen is None else seen - self.first_tokens
        self.progress.update(step - 1, losses, since)

    def tokens_seen(self) -> int | None:
        """Tokens so far, where they are counted."""
        return None

    def keep(self, trainer: lightning.Trainer, step: int) -> None:
        """Leaves a resume point where one is due."""
        if step % self.resume_every == 0 and step < self.steps:
            writing = self.out / "resume.writing"
            trainer.save_checkpoint(writing)
            put_in_place(writing, self.out / RESUME)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        self.seconds = self.elapsed()
        self.device = pl_module.device.type
        if self.device == "cuda":
            self.peak_device_bytes = torch.cuda.max_memory_allocated(pl_module.device)
        self.metrics.close()

    def summary(self) -> dict[str, Any]:
        """Steps, seconds, and the most memory that was held, on the device where it has its own."""
        return {
            "steps": self.steps,
            "wall_seconds": self.seconds,
            "device": self.device,
            "peak_bytes": self.peak_device_bytes or process_peak_bytes(),
        }


def process_peak_bytes() -> int:
    """The most memory that this process has held on the host."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def open_metrics(path: Path, step: int) -> TextIO:
    """Opens `metrics.jsonl` for appending, without what was written after the resume point."""
    kept = []
    if path.exists():
        lines = path.read_text().splitlines()
        kept = [line for line in lines if line.endswith("}") and json.loads(line)["step"] <= step]
    write_text(path, "".join(line + "\n" for line in kept))
    return path.open("a")
