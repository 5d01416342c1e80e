"""Training by Lightning: one loop for stage 0 and for every arm.

What it leaves in its folder: `model.pt` (the averaged weights), `checkpoints/step-*.pt` (the same
at earlier token counts), `metrics.jsonl`, `summary.json`; while it runs, `resume.ckpt` and
`progress.json`. A run that was killed goes on from `resume.ckpt` and ends bit-identical.
"""

import json
import resource
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import lightning
import torch
from lightning.pytorch.callbacks import Callback, WeightAveraging
from torch import Tensor

from datamodules.sequences import SequenceData
from experiments.markers import write_json
from experiments.progress_file import ProgressFile
from experiments.resuming import RESUME, put_in_place, resume_point
from experiments.step_flops import batch_flops
from models.module import UnifiedModule
from models.text_tokens import PAD
from models.training import TrainConfig, ema_update

METRICS_EVERY = 10
RESUME_POINTS = 10


@dataclass(frozen=True)
class Spent:
    """What was trained before a run started: stage 0, or the frozen model with its stage 0."""

    flops: int = 0
    tokens: int = 0

    @classmethod
    def read(cls, folder: Path) -> "Spent":
        summary = json.loads((folder / "summary.json").read_text())
        return cls(summary["flops"], summary["tokens"])


NOTHING = Spent()


def fit(module: UnifiedModule, data: SequenceData, out: Path, before: Spent = NOTHING) -> None:
    """Trains to `module.train_config.steps`, resuming where `out` holds an unfinished run.

    `before` counts towards the FLOPs and tokens of the summary and of the curve's points.
    """
    config = module.train_config
    flops = batch_flops(module, data.batches(0)[0])
    recorder = Recorder(out, module, flops, before)
    trainer = new_trainer(config, [weight_average(config), recorder], devices=1)
    trainer.fit(module, data, ckpt_path=resume_point(out))
    save_weights(module.state_dict(), out / "model.pt")
    write_json(out / "summary.json", recorder.summary())
    (out / RESUME).unlink(missing_ok=True)


def new_trainer(
    config: TrainConfig, callbacks: list[Callback], **execution: Any
) -> lightning.Trainer:
    """A trainer that leaves files and progress to the callbacks; `execution` goes to Lightning."""
    return lightning.Trainer(
        accelerator="auto",
        max_steps=config.steps,
        precision=config.precision,  # pyright: ignore[reportArgumentType]
        gradient_clip_val=config.clip_norm,
        callbacks=callbacks,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        **execution,
    )


def weight_average(config: TrainConfig) -> WeightAveraging:
    return WeightAveraging(use_buffers=False, multi_avg_fn=ema_update(config.ema_decay))


def save_weights(state: dict[str, Tensor], path: Path) -> None:
    temporary = path.with_suffix(".writing")
    torch.save({name: value.detach().cpu().clone() for name, value in state.items()}, temporary)
    temporary.replace(path)


class Recorder(Callback):
    """Writes metrics, progress, resume points and the weights at the token counts of the curves."""

    metrics: Any = None  # open while training goes on

    def __init__(self, out: Path, module: UnifiedModule, flops: int, before: Spent) -> None:
        config = module.train_config
        self.before = before
        self.out, self.config, self.flops = out, config, flops
        self.marks = {
            round(config.steps * part / config.checkpoints): part
            for part in range(1, config.checkpoints + 1)
        }
        self.resume_every = max(1, config.steps // RESUME_POINTS)
        self.tokens = {"understand": 0, "generate": 0}
        self.sequences = {"understand": 0, "generate": 0}
        self.seconds = 0.0
        self.device, self.peak_device_bytes = "cpu", 0
        self.parameters = parameter_counts(module)

    def state_dict(self) -> dict[str, Any]:
        return {"tokens": self.tokens, "sequences": self.sequences, "seconds": self.elapsed()}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.tokens, self.sequences = state_dict["tokens"], state_dict["sequences"]
        self.seconds = state_dict["seconds"]

    def on_train_start(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        self.started = time.monotonic()
        self.first = trainer.global_step
        self.first_tokens = sum(self.tokens.values())
        self.progress = ProgressFile(self.out, self.config.steps, self.first)
        self.metrics = open_metrics(self.out / "metrics.jsonl", self.first)

    def elapsed(self) -> float:
        return self.seconds + time.monotonic() - self.started

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: Any,
        outputs: Any,
        batch: dict[str, dict[str, Tensor]],
        batch_idx: int,
    ) -> None:
        self.count(batch)
        step = trainer.global_step
        if step % METRICS_EVERY == 0 or step == self.config.steps:
            self.record(step, pl_module.values)
        if step in self.marks:
            folder = self.out / "checkpoints"
            folder.mkdir(exist_ok=True)
            save_weights(self.averaged(trainer), folder / f"step-{step:06}.pt")
            tokens = self.before.tokens + sum(self.tokens.values())
            about = {"step": step, "tokens": tokens, "flops": self.total_flops(step)}
            write_json(folder / f"step-{step:06}.json", about)
        if step % self.resume_every == 0 and step < self.config.steps:
            self.metrics.flush()
            writing = self.out / "resume.writing"
            trainer.save_checkpoint(writing)
            put_in_place(writing, self.out / RESUME)

    def count(self, batch: dict[str, dict[str, Tensor]]) -> None:
        for task, sequences in batch.items():
            self.tokens[task] += int((sequences["tokens"] != PAD).sum())
            self.sequences[task] += len(sequences["tokens"])

    def averaged(self, trainer: lightning.Trainer) -> dict[str, Tensor]:
        return averaged_state(trainer)

    def total_flops(self, step: int) -> int:
        return self.before.flops + step * self.flops

    def record(self, step: int, values: dict[str, Tensor]) -> None:
        numbers = {name: value.item() for name, value in values.items() if value.dim() == 0}
        tokens = sum(self.tokens.values())
        for name, value in numbers.items():
            line = {"step": step, "tokens": tokens, "name": name, "value": value}
            self.metrics.write(json.dumps(line) + "\n")
        losses = {name.split("/")[1]: v for name, v in numbers.items() if name.endswith("/loss")}
        self.progress.update(step - 1, losses, tokens - self.first_tokens)

    def on_train_end(self, trainer: lightning.Trainer, pl_module: Any) -> None:
        self.seconds = self.elapsed()
        self.device = pl_module.device.type
        if self.device == "cuda":
            self.peak_device_bytes = torch.cuda.max_memory_allocated(pl_module.device)
        self.metrics.close()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        if self.metrics is not None:
            self.metrics.flush()

    def summary(self) -> dict[str, Any]:
        return {
            "parameters": self.parameters,
            "flops": self.total_flops(self.config.steps),
            "flops_before": self.before.flops,
            "flops_per_step": self.flops,
            "steps": self.config.steps,
            "tokens": self.before.tokens + sum(self.tokens.values()),
            "tokens_before": self.before.tokens,
            "tokens_by_task": self.tokens,
            "sequences": self.sequences,
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
    path.write_text("".join(line + "\n" for line in kept))
    return path.open("a")


def averaged_state(trainer: lightning.Trainer) -> dict[str, Tensor]:
    """The averaged weights as the module's own state."""
    callback = next(one for one in trainer.callbacks if isinstance(one, WeightAveraging))  # pyright: ignore
    state = callback._average_model.state_dict()  # pyright: ignore
    return {n.removeprefix("module."): v for n, v in state.items() if n.startswith("module.")}


def parameter_counts(module: UnifiedModule) -> dict[str, int]:
    """Total and trainable parameters, and those that one sequence of each task meets."""
    counts = [(p.numel(), p.requires_grad) for p in module.parameters()]
    active = module.active_parameters()
    return {
        "total": sum(count for count, _ in counts),
        "trainable": sum(count for count, trainable in counts if trainable),
        **{f"active_{task}": count for task, count in active.items()},
    }
