"""How every arm is optimised: one optimiser family, one schedule, one weight average.

Muon takes the matrices of the trunk's blocks, each whole; embeddings, heads, routers, norms and the
rest take AdamW. Both stand behind one optimiser object, so that Lightning counts one step a step.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from models import TASKS, Task
from models.interaction_loss import InteractionConfig
from models.muon import BatchedMuon
from models.remedies import COMBINERS

PRECISIONS = ("bf16-mixed", "16-mixed", "32-true", "auto")


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """`understand_batch` and `generate_batch` are sequences a step; a weight of 0 removes the task.

    `init` is text (stage 0) or scratch. `decay_share` is the last share of the steps, over which
    the rates fall linearly to zero.
    `ema_horizon` is the averaging horizon as a share of the steps. `combine` says how the tasks'
    objectives become one (remedies.py). `precision` is Lightning's; `auto` has to be settled before
    training (experiments/precision.py). A recipe of several runs says in how many `stages` the
    steps of one run are divided and which `stage` this is, from 0; `frozen` is what it leaves
    untrained: none or attention.
    """

    init: str = "text"
    steps: int = 1500
    understand_batch: int = 48
    generate_batch: int = 48
    understand_weight: float = 1.0
    generate_weight: float = 1.0
    optimizer: str = "muon"
    learning_rate: float = 2e-3
    muon_learning_rate: float = 0.02
    weight_decay: float = 0.01
    warmup_steps: int = 50
    decay_share: float = 0.5
    clip_norm: float = 1.0
    ema_horizon: float = 0.05
    prompt_drop: float = 0.1
    checkpoints: int = 5
    precision: str = "bf16-mixed"
    combine: str = "sum"
    stages: int = 1
    stage: int = 0
    frozen: str = "none"
    interaction: InteractionConfig = field(default_factory=InteractionConfig)

    def __post_init__(self) -> None:
        positive = ("steps", "learning_rate", "muon_learning_rate", "clip_norm", "checkpoints")
        for name in positive:
            if getattr(self, name) <= 0:
                raise ValueError(f"train.{name} must be above 0, got {getattr(self, name)}.")
        batches, weights = (tuple(f"{one}_{kind}" for one in TASKS) for kind in ("batch", "weight"))
        for name in (*batches, *weights, "weight_decay", "warmup_steps"):
            if getattr(self, name) < 0:
                raise ValueError(f"train.{name} must not be negative, got {getattr(self, name)}.")
        for name in ("decay_share", "prompt_drop", "ema_horizon"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"train.{name} must lie in [0, 1], got {getattr(self, name)}.")
        if self.init not in ("text", "scratch"):
            raise ValueError(f"train.init must be text or scratch, got {self.init!r}.")
        if self.optimizer not in ("muon", "adamw"):
            raise ValueError(f"train.optimizer must be muon or adamw, got {self.optimizer!r}.")
        if self.precision not in PRECISIONS:
            known = ", ".join(PRECISIONS)
            raise ValueError(f"train.precision must be one of {known}, got {self.precision!r}.")
        if self.combine not in COMBINERS:
            known = ", ".join(COMBINERS)
            raise ValueError(f"train.combine must be one of {known}, got {self.combine!r}.")
        if self.frozen not in ("none", "attention"):
            raise ValueError(f"train.frozen must be none or attention, got {self.frozen!r}.")
        if not 0 <= self.stage < self.stages:
            raise ValueError(
                f"train.stage must lie in [0, train.stages={self.stages}), got {self.stage}."
            )
        if self.understand_weight == 0 and self.generate_weight == 0:
            raise ValueError(
                "train.understand_weight and train.generate_weight must not both be 0."
            )
        if not any(self.batch(task) for task in self.tasks):
            raise ValueError(
                "train.understand_batch or train.generate_batch must be above 0 with a weight."
            )

    @property
    def ema_decay(self) -> float:
        return 1 - 1 / max(2.0, self.ema_horizon * self.steps)

    def weight(self, task: str) -> float:
        return self.understand_weight if task == "understand" else self.generate_weight

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks whose loss counts."""
        return tuple(task for task in TASKS if self.weight(task))

    def batch(self, task: str) -> int:
        return self.understand_batch if task == "understand" else self.generate_batch

    def rate(self, step: int) -> float:
        """The factor on every learning rate at `step`: linear warm-up, constant, linear decay."""
        warm = min(1.0, (step + 1) / max(1, self.warmup_steps))
        decay_steps = max(1.0, self.decay_share * self.steps)
        return min(warm, max(0.0, (self.steps - step) / decay_steps))


class MuonWithAdamW(torch.optim.Optimizer):
    """Muon (Jordan et al., 2024) for matrices and AdamW for the rest, stepped as one."""

    def __init__(
        self, matrices: Sequence[Tensor], others: Sequence[Tensor], config: TrainConfig
    ) -> None:
        self.parts: list[torch.optim.Optimizer] = []
        if matrices:
            self.parts.append(
                BatchedMuon(
                    matrices,
                    lr=config.muon_learning_rate,
                    weight_decay=config.weight_decay,
                    iterates_in=torch.float32 if config.precision == "32-true" else torch.bfloat16,
                )
            )
        if others:
            self.parts.append(
                torch.optim.AdamW(
                    others,
                    lr=config.learning_rate,
                    betas=(0.9, 0.95),
                    weight_decay=config.weight_decay,
                )
            )
        groups = [group for part in self.parts for group in part.param_groups]
        super().__init__(groups, {})
        self._share_groups()

    def _share_groups(self) -> None:
        """The parts step the very group dictionaries that a schedule or a checkpoint changes."""
        position = 0
        for part in self.parts:
            count = len(part.param_groups)
            part.param_groups = self.param_groups[position : position + count]
            position += count

    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # pyright: ignore
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self.parts:
            part.step()
        return loss

    def state_dict(self) -> dict[str, Any]:
        return {"parts": [part.state_dict() for part in self.parts]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        for part, state in zip(self.parts, state_dict["parts"], strict=True):
            part.load_state_dict(state)
        self.param_groups = [group for part in self.parts for group in part.param_groups]


def build_optimizer(module: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """Splits the trainable parameters: matrices of the blocks to Muon, the rest to AdamW."""
    trainable = [(n, p) for n, p in module.named_parameters() if p.requires_grad]
    use_muon = config.optimizer == "muon"
    matrices = [p for n, p in trainable if use_muon and is_block_matrix(n, p)]
    others = [p for n, p in trainable if not (use_muon and is_block_matrix(n, p))]
    return MuonWithAdamW(matrices, others, config)


def freeze(trunk: nn.Module, what: str) -> None:
    """Leaves untrained what `train.frozen` names: in every layer attention and its norms."""
    for name, parameter in trunk.named_parameters():
        if what == "attention" and ".attention" in name:
            parameter.requires_grad_(False)


def is_block_matrix(name: str, parameter: Tensor) -> bool:
    """Whether a parameter is a weight matrix inside a stack of blocks, routers excepted."""
    inside = "layers." in name or "blocks." in name
    return inside and parameter.dim() == 2 and name.endswith("weight") and "router" not in name


def warmed_decay(decay: float, updates: int) -> float:
    """Decay of the weight average after `updates`: short memory first, then the full horizon."""
    return min(decay, (1 + updates) / (10 + updates))


def ema_update(
    decay: float,
) -> Callable[[Iterable[Tensor], Iterable[Tensor], Tensor | int], None]:
    """A `multi_avg_fn` of torch's AveragedModel with the warmed-up decay."""

    @torch.no_grad()
    def update(averaged: Any, current: Any, updates: Tensor | int) -> None:
        share = 1 - warmed_decay(decay, int(updates))
        torch._foreach_lerp_(averaged, current, share)  # pyright: ignore

    return update
