"""Tunes a recipe's model; leaves `model/`, which transformers loads, and what was logged.

A run that was killed goes on from `resume.ckpt`. `metrics.jsonl` has a line a value, among them
`train/<task>/interaction_ratio`, the weighted interaction loss as a share of the task's own.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning

from experiments.align.data import TaskStreams
from experiments.align.recipe import AlignConfig
from experiments.fit import RESUME, new_trainer
from experiments.markers import write_json
from experiments.run_files import RunFiles
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
    trainer: Any = new_trainer(config.train, [Recorder(out, config.train.steps)], devices=1)
    resume = out / RESUME
    trainer.fit(module, data, ckpt_path=str(resume) if resume.exists() else None)
    module.save(out / MODEL)
    resume.unlink(missing_ok=True)


class Recorder(RunFiles):
    """Records a module that counts a batch as a step."""

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step
        if self.is_due(step):
            self.record(step, {name: value.item() for name, value in pl_module.values.items()})
        self.keep(trainer, step)
