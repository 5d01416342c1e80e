"""Tunes a recipe's model; leaves `model/`, which transformers loads, and what was logged.

A run that was killed goes on from `resume.ckpt`. `metrics.jsonl` has a line a value, among them
`train/<task>/interaction_ratio`, the weighted interaction loss as a share of the task's own.
`broken.json` names the samples of each task that were skipped.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import lightning
from torch import Tensor, nn

from experiments.align.data import TaskStreams
from experiments.align.recipe import AlignConfig
from experiments.fitting.fit import new_trainer
from experiments.fitting.resuming import RESUME, discard, put_back, resume_point
from experiments.fitting.run_files import BROKEN, RunFiles
from experiments.fitting.same_run import keep_config
from experiments.parallel.execution import ONE_DEVICE, ExecutionConfig
from experiments.parallel.launch import on_ranks
from experiments.parallel.sharded import check_resume, trained_alone
from experiments.store.markers import write_json
from models.pretrained.unified.opening import open_form
from models.pretrained.unified.tuning import UnifiedTuning
from models.ranks import over_ranks, ranks
from models.shards import whole

MODEL = "model"


def tune(config: AlignConfig, out: Path, execution: ExecutionConfig = ONE_DEVICE) -> None:
    """Trains in `out` unless that is finished, from where it was interrupted.

    Raises ValueError for a run that has begun with another config, a curve of another length, too
    many broken samples, or a loss that is not finite.
    """
    out.mkdir(parents=True, exist_ok=True)
    put_back(out)
    interrupted, ended = ((out / name).exists() for name in (RESUME, BROKEN))
    keep_config(out, asdict(config), begun=interrupted or ended)
    if ended and not interrupted:
        return
    check_resume(out / RESUME, execution)
    on_ranks(execution, tune_on_ranks, out, out, config, execution)


def tune_on_ranks(out: Path, home: Path, config: AlignConfig, execution: ExecutionConfig) -> None:
    """What each process does; `home` is the run's folder, `out` where it writes."""
    data = TaskStreams(config)
    module = UnifiedTuning(open_form(config.checkpoint), config.train, config.seed)
    trainer: Any = new_trainer(
        config.train,
        [Recorder(out, config.train.steps)],
        devices=execution.devices,
        strategy=trained_alone(execution),
    )
    trainer.fit(module, data, ckpt_path=resume_point(home))
    state, told = whole_state(module.model), data.told()
    if trainer.is_global_zero:
        module.form.save(out / MODEL, state)
        write_json(out / BROKEN, told)
        discard(out / RESUME)


def whole_state(model: nn.Module) -> dict[str, Tensor]:
    """The model's state on the CPU, a tied tensor once; every process has to ask for it."""
    named = [{n for n, _ in model.named_parameters(remove_duplicate=one)} for one in (True, False)]
    tied, state = named[1] - named[0], model.state_dict()
    return {name: whole(one).cpu() for name, one in state.items() if name not in tied}


class Recorder(RunFiles):
    """Records a module that counts a batch as a step."""

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        step = trainer.global_step
        if self.is_due(step):
            values = {n: over_ranks(one) / ranks() for n, one in pl_module.values.items()}
            self.record(step, {name: value.item() for name, value in values.items()})
        self.keep(trainer, step)
