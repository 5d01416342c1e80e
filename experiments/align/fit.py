"""Tunes a recipe's model; leaves `model/`, which transformers loads, and what was logged.

A run that was killed goes on from `resume.ckpt`. `metrics.jsonl` has a line a value, among them
`train/<task>/interaction_ratio`, the weighted interaction loss as a share of the task's own.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning
from lightning.pytorch.callbacks import Callback

from experiments.align.data import TaskStreams
from experiments.align.recipe import AlignConfig
from experiments.fit import METRICS_EVERY, RESUME, RESUME_POINTS, new_trainer, open_metrics
from experiments.markers import write_json
from experiments.progress_file import ProgressFile
from models.pretrained.unified.opening import open_form
from models.pretrained.unified.tuning import UnifiedTuning

MODEL, CONFIG = "model", "config.json"


def tune(config: AlignConfig, out: Path) -> None:
    """Raises ValueError for a curve of another length, too many broken samples, or a loss that is
    not finite."""
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / CONFIG, asdict(config))
    data = TaskStreams(config)
    module = UnifiedTuning(open_form(config.checkpoint), config.train, config.seed)
    trainer: Any = new_trainer(config.train, [Recorder(out)], devices=1)
    resume = out / RESUME
    trainer.fit(module, data, ckpt_path=str(resume) if resume.exists() else None)
    module.save(out / MODEL)
    resume.unlink(missing_ok=True)


class Recorder(Callback):
    """Writes metrics, progress and resume points into a folder."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def on_train_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        steps, first = pl_module.train_config.steps, trainer.global_step
        self.progress = ProgressFile(self.out, steps, first)
        self.metrics = open_metrics(self.out / "metrics.jsonl", first)
        self.resume_every = max(1, steps // RESUME_POINTS)

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step, steps = trainer.global_step, pl_module.train_config.steps
        if step % METRICS_EVERY == 0 or step == steps:
            found = {name: value.item() for name, value in pl_module.values.items()}
            for name, value in found.items():
                line = {"step": step, "name": name, "value": value}
                self.metrics.write(json.dumps(line) + "\n")
            self.metrics.flush()
            self.progress.update(step - 1, {n: v for n, v in found.items() if n.endswith("/loss")})
        if step % self.resume_every == 0 and step < steps:
            writing = self.out / "resume.writing"
            trainer.save_checkpoint(writing)
            writing.replace(self.out / RESUME)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        self.metrics.close()
