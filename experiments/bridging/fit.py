"""Trains one stage of a recipe, and saves the bridge where the next stage and a benchmark find it.

Not by experiments/fitting/fit.py: that one trains token sequences of two tasks, and copies,
averages and saves whole modules, of which a frozen reader of billions of weights would be the most.
What it leaves is alike: `metrics.jsonl`, `progress.json`, `summary.json` last, `resume.ckpt` on the
way; the bridge lies in `bridge`, and `broken.json` names the samples that were skipped.
"""

import dataclasses
from pathlib import Path
from typing import Any

import lightning
import torch

from experiments.bridging.config import Recipe, StageConfig
from experiments.bridging.data import pair_stream
from experiments.config import ConfigError
from experiments.fitting.fit import new_trainer
from experiments.fitting.resuming import RESUME, discard, put_back, resume_point
from experiments.fitting.run_files import BROKEN, RunFiles
from experiments.fitting.same_run import keep_config
from experiments.parallel.average import TrainedAverage, trained
from experiments.parallel.execution import ONE_DEVICE, ExecutionConfig
from experiments.parallel.launch import on_ranks
from experiments.parallel.sharded import check_resume, trained_alone
from experiments.store.markers import write_json
from models.bridging.bridge_module import BridgeModule
from models.bridging.decoder_bridge import PipelineBridge, open_pipeline_bridge
from models.bridging.decoder_pipeline import open_decoder
from models.bridging.frozen_reader import open_reader
from models.bridging.frozen_store import PromptStore
from models.ranks import over_ranks
from models.shards import whole

BRIDGE, SUMMARY = "bridge", "summary.json"
FOR_READERS = ("published", "deviations")
GIB = 2**30


def train_stage(
    recipe: Recipe, stage: str, runs: Path, execution: ExecutionConfig = ONE_DEVICE
) -> None:
    """Trains `stage` in `runs/stage` unless that is finished, from where it was interrupted.

    Several devices each hold all that is trained (ddp) or a shard of it (fsdp). Raises ConfigError
    where the stage before is not finished, where this one has begun with another config or after
    other stages, and where it was left by the other strategy.
    """
    out, before = runs / stage, recipe.before(stage)
    if before is not None and not (runs / before / SUMMARY).exists():
        raise ConfigError(f"stage {stage} must follow {before}, got no {runs / before / SUMMARY}.")
    out.mkdir(parents=True, exist_ok=True)
    put_back(out)
    finished = (out / SUMMARY).exists()
    keep_config(out, trained_with(recipe, stage), finished or (out / RESUME).exists())
    if finished:
        return
    check_resume(out / RESUME, execution)
    on_ranks(execution, fit_stage, out, out, recipe, stage, execution)


def trained_with(recipe: Recipe, stage: str) -> dict[str, Any]:
    """What the weights that a stage leaves follow from: its parts, and all stages up to it."""
    values = dataclasses.asdict(recipe)
    names = list(recipe.stages)
    learnt = {
        f"stage {name}": {key: one for key, one in stated.items() if key not in FOR_READERS}
        for name, stated in values["stages"].items()
        if names.index(name) <= names.index(stage)
    }
    return {**{name: values[name] for name in ("parts", "model", "seed")}, **learnt}


def starting_bridge(recipe: Recipe, stage: str, runs: Path) -> PipelineBridge:
    """The untrained bridge of the recipe's parts, or the one that the stage before has saved."""
    parts, tuned = recipe.parts, recipe.stages[stage].tuned
    if before := recipe.before(stage):
        saved = runs / before / BRIDGE
        return open_pipeline_bridge(saved, reader_dtype=parts.reader_dtype, tuned=tuned)
    reader = open_reader(parts.reader, parts.system, parts.reader_dtype)
    return PipelineBridge(recipe.model, reader, open_decoder(parts.decoder, tuned), recipe.seed)


def fit_stage(
    out: Path, home: Path, recipe: Recipe, stage: str, execution: ExecutionConfig
) -> None:
    """What each process of a stage does; `home` is the stage's folder, `out` where it writes."""
    config: StageConfig = recipe.stages[stage]
    module = BridgeModule(starting_bridge(recipe, stage, home.parent), config.train, recipe.seed)
    data = pair_stream(config, module.bridge.decoder, recipe.seed)
    recorder = BridgeRecorder(out, module, execution.devices)
    averaging = [TrainedAverage(config.train.ema_decay)] if config.train.ema_decay else []
    trainer = new_trainer(
        config.train,  # pyright: ignore[reportArgumentType]
        [*averaging, recorder],
        devices=execution.devices,
        strategy=trained_alone(execution),
        accumulate_grad_batches=config.train.accumulate,
    )
    trainer.fit(module, data, ckpt_path=resume_point(home))
    bridge, told = module.bridge, data.told()
    if execution.strategy == "fsdp":  # every process has a part of what is saved
        learnt = {name: whole(one).cpu() for name, one in trained(bridge).items()}
        if trainer.is_global_zero:
            bridge = starting_bridge(recipe, stage, home.parent)
            bridge.load_state_dict(learnt, strict=False)
    if trainer.is_global_zero:
        bridge.save(out / BRIDGE)
        write_json(out / BROKEN, told)
        write_json(out / SUMMARY, {**recorder.summary(), "broken": len(told["broken"])})
        discard(out / RESUME)


class BridgeRecorder(RunFiles):
    """Records steps of several parts; keeps prompts where the config wants it."""

    def __init__(self, out: Path, module: BridgeModule, devices: int) -> None:
        super().__init__(out, module.train_config.steps)
        self.config = module.train_config
        self.pieces = devices * self.config.accumulate
        self.total = torch.zeros(())
        counts = [(one.numel(), one.requires_grad) for one in module.parameters()]
        trained = sum(count for count, learns in counts if learns)
        frozen = sum(count for count, learns in counts if not learns)
        self.about: dict[str, Any] = {"parameters": {"trained": trained, "frozen": frozen}}

    def on_train_batch_start(
        self, trainer: lightning.Trainer, pl_module: Any, batch: Any, batch_idx: int
    ) -> None:
        if "prompts_kept" in self.about:
            return
        budget, reader = int(self.config.kept_prompts_gib * GIB), pl_module.bridge.reader
        if budget:
            prompts = pl_module.prompts(batch, torch.Generator().manual_seed(0))
            costs = reader.keep_where_cheaper(prompts, PromptStore(budget))
            self.about |= {"prompt_seconds": dataclasses.asdict(costs)}
        self.about["prompts_kept"] = reader.store is not None

    def on_train_batch_end(
        self, trainer: lightning.Trainer, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.total = self.total + sum(one.float() for one in pl_module.values.values())
        if not self.ends_step(trainer):
            return
        step = trainer.global_step
        if self.is_due(step):
            loss = over_ranks(self.total) / self.pieces
            self.record(step, {"train/generate/loss": loss.item()})
        self.total = torch.zeros(())
        self.keep(trainer, step)

    def summary(self) -> dict[str, Any]:
        return {**super().summary(), **self.about, "pairs": self.config.steps * self.config.batch}
