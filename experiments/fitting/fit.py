"""Training by Lightning: one loop for stage 0 and for every arm.

What it leaves in its folder: `model.pt` (the averaged weights), `checkpoints/step-*.pt` (the same
at earlier token counts), `metrics.jsonl`, `summary.json`; while it runs, `resume.ckpt` and
`progress.json`. A run that was killed goes on from `resume.ckpt` and ends bit-identical.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightning
import torch
from lightning.pytorch.callbacks import Callback, WeightAveraging
from torch import Tensor

from datamodules.sequences import SequenceData
from experiments.fitting.resuming import RESUME, resume_point
from experiments.fitting.run_files import RunFiles
from experiments.flops.step import batch_flops
from experiments.store.markers import write_json
from models import TASKS
from models.module import UnifiedModule
from models.text_tokens import PAD
from models.training import TrainConfig, ema_update


@dataclass(frozen=True)
class Spent:
    """FLOPs and tokens from before a run: of what it starts from (stage 0, another run, the models
    that a bridge joins), with what came before that, and of a second encoder's features."""

    flops: int = 0
    tokens: int = 0

    @classmethod
    def read(cls, folder: Path) -> "Spent":
        summary = json.loads((folder / "summary.json").read_text())
        return cls(summary["flops"], summary["tokens"])

    @classmethod
    def of_both(cls, inputs: Mapping[str, Path]) -> "Spent":
        """What the cells `understand` and `generate` have cost, their common start counted once."""
        both = [json.loads((inputs[task] / "summary.json").read_text()) for task in TASKS]
        flops, tokens = (sum(one[of] for one in both) for of in ("flops", "tokens"))
        return cls(flops - both[0]["flops_before"], tokens - both[0]["tokens_before"])


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


class Recorder(RunFiles):
    """Counts tokens and FLOPs, and keeps the weights at the token counts of the curves."""

    def __init__(self, out: Path, module: UnifiedModule, flops: int, before: Spent) -> None:
        config = module.train_config
        super().__init__(out, config.steps)
        self.before, self.flops = before, flops
        self.marks = {
            round(config.steps * part / config.checkpoints): part
            for part in range(1, config.checkpoints + 1)
        }
        self.tokens = {"understand": 0, "generate": 0}
        self.sequences = {"understand": 0, "generate": 0}
        self.parameters = parameter_counts(module)

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "tokens": self.tokens, "sequences": self.sequences}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        super().load_state_dict(state_dict)
        self.tokens, self.sequences = state_dict["tokens"], state_dict["sequences"]

    def tokens_seen(self) -> int:
        return sum(self.tokens.values())

    def on_train_batch_end(
        self,
        trainer: lightning.Trainer,
        pl_module: Any,
        outputs: Any,
        batch: dict[str, dict[str, Tensor]],
        batch_idx: int,
    ) -> None:
        self.count(batch)
        self.leave(trainer, pl_module.values)

    def leave(self, trainer: lightning.Trainer, values: Mapping[str, Tensor]) -> None:
        """Writes what is due after a step: its values, the weights, a resume point."""
        step = trainer.global_step
        if self.is_due(step):
            scalars = {name: value.item() for name, value in values.items() if value.dim() == 0}
            self.record(step, scalars)
        if step in self.marks:
            folder = self.out / "checkpoints"
            folder.mkdir(exist_ok=True)
            save_weights(self.averaged(trainer), folder / f"step-{step:06}.pt")
            tokens = self.before.tokens + self.tokens_seen()
            about = {"step": step, "tokens": tokens, "flops": self.total_flops(step)}
            write_json(folder / f"step-{step:06}.json", about)
        self.keep(trainer, step)

    def count(self, batch: dict[str, dict[str, Tensor]]) -> None:
        for task, sequences in batch.items():
            self.tokens[task] += int((sequences["tokens"] != PAD).sum())
            self.sequences[task] += len(sequences["tokens"])

    def averaged(self, trainer: lightning.Trainer) -> dict[str, Tensor]:
        return averaged_state(trainer)

    def total_flops(self, step: int) -> int:
        return self.before.flops + step * self.flops

    def summary(self) -> dict[str, Any]:
        return {
            **super().summary(),
            "parameters": self.parameters,
            "flops": self.total_flops(self.steps),
            "flops_before": self.before.flops,
            "flops_per_step": self.flops,
            "tokens": self.before.tokens + self.tokens_seen(),
            "tokens_before": self.before.tokens,
            "tokens_by_task": self.tokens,
            "sequences": self.sequences,
        }


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
