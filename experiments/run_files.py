"""What a run of a published model leaves on its way, as experiments/fit.py does for our own arms:
`metrics.jsonl`, `progress.json`, and `resume.ckpt`, from which a killed run goes on; at its end
`broken.json`, which names the samples that were skipped.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback

from experiments.fit import METRICS_EVERY, RESUME_POINTS, open_metrics
from experiments.progress_file import ProgressFile
from experiments.resuming import RESUME, put_in_place

BROKEN = "broken.json"


class RunFiles(Callback):
    """The files of a run of `steps` steps in `out`; who inherits says when a step has ended."""

    def __init__(self, out: Path, steps: int) -> None:
        self.out, self.steps = out, steps
        self.resume_every = max(1, steps // RESUME_POINTS)

    def on_train_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        self.progress = ProgressFile(self.out, self.steps, trainer.global_step)
        self.metrics = open_metrics(self.out / "metrics.jsonl", trainer.global_step)

    def is_due(self, step: int) -> bool:
        """Whether the values after `step` are written."""
        return step % METRICS_EVERY == 0 or step == self.steps

    def record(self, step: int, values: Mapping[str, float]) -> None:
        """Writes a line a value; the losses are those named `train/<task>/loss`."""
        for name, value in values.items():
            self.metrics.write(json.dumps({"step": step, "name": name, "value": value}) + "\n")
        self.metrics.flush()
        losses = {name.split("/")[1]: v for name, v in values.items() if name.endswith("/loss")}
        self.progress.update(step - 1, losses)

    def keep(self, trainer: lightning.Trainer, step: int) -> None:
        """Leaves a resume point where one is due."""
        if step % self.resume_every == 0 and step < self.steps:
            writing = self.out / "resume.writing"
            trainer.save_checkpoint(writing)
            put_in_place(writing, self.out / RESUME)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        self.metrics.close()
