"""A stage of a recipe: an arm of which some parameters are trained, each group at its own rate.

    every parameter, by name ──▶ the first group with a pattern that fits ──▶ that group's rate
                              └─ no group ──▶ frozen, and bit-equal after the stage

The arm is unchanged but for low-rank updates (lora.py), which are merged when the stage ends, so
that what a stage leaves is an ordinary arm. It differs from training without stages in the
optimiser too: AdamW for all, as in the papers that train by stages, and a schedule by shares.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

from models import TASKS
from models.batch import Batch
from models.lora import LoraConfig, add_updates, merged_state
from models.module import UnifiedModule
from models.parameters import skipped_by
from models.sampling import SamplingConfig
from models.schedules import falling_cosine, scheduled
from models.unified import UnifiedModel

SCHEDULES = ("constant", "cosine")


@dataclass(frozen=True, kw_only=True)
class GroupConfig:
    """Parameters that are trained at one `rate`: those whose name fits a pattern of `match`.

    A pattern is the shell's (`*`, `?`, `[a-b]`). What one task's sequences alone pass through, such
    as a branch, is found under the task as well: `generate:*`.
    """

    match: list[str] = field(default_factory=list)
    rate: float = 0.0

    def __post_init__(self) -> None:
        if not self.match:
            raise ValueError("stage.groups.match must hold a pattern, got none.")
        if not self.rate > 0:
            raise ValueError(f"stage.groups.rate must be above 0, got {self.rate}.")


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """`warmup` is a share of the steps; a cosine falls to `floor` times the rate. `rate_scale`
    multiplies the rates of all groups: 1 where those are as published."""

    groups: list[GroupConfig] = field(default_factory=list)
    rate_scale: float = 1.0
    schedule: str = "constant"
    warmup: float = 0.0
    floor: float = 0.0
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    lora: LoraConfig = field(default_factory=LoraConfig)

    def __post_init__(self) -> None:
        if self.schedule not in SCHEDULES:
            raise ValueError(
                f"stage.schedule must be one of {', '.join(SCHEDULES)}, got {self.schedule!r}."
            )
        for name in ("warmup", "floor"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"stage.{name} must lie in [0, 1], got {getattr(self, name)}.")
        if not self.rate_scale > 0:
            raise ValueError(f"stage.rate_scale must be above 0, got {self.rate_scale}.")
        if self.weight_decay < 0:
            raise ValueError(f"stage.weight_decay must not be negative, got {self.weight_decay}.")

    def factor(self, step: int, steps: int) -> float:
        """What every rate is multiplied by at `step` of `steps`."""
        warm = self.warmup * steps
        if step < warm:
            return (step + 1) / (warm + 1)
        if self.schedule == "constant":
            return 1.0
        done = (step - warm) / max(1.0, steps - warm)
        return falling_cosine(done, self.floor)


class StagedModule(UnifiedModule):
    """Trains `arm` as a stage says. Raises ValueError as `apply_stage` does."""

    def __init__(self, arm: UnifiedModule, stage: StageConfig, seed: int) -> None:
        super().__init__(arm.train_config)
        self.arm, self.stage = arm, stage
        self.groups = apply_stage(arm, stage, seed)

    @property
    def reader(self) -> UnifiedModel:
        return self.arm.reader

    @property
    def passed_twice(self) -> tuple[nn.Module, ...]:
        return self.arm.passed_twice

    def losses(self, batch: Batch) -> dict[str, dict[str, Tensor]]:
        return self.arm.losses(batch)

    def active_parameters(self) -> dict[str, int]:
        return self.arm.active_parameters()

    def generate(
        self, prompts: Sequence[list[int]], seeds: Sequence[int], config: SamplingConfig
    ) -> Int[Tensor, "b p"]:
        return self.arm.generate(prompts, seeds, config)

    def configure_optimizers(self) -> Any:
        names = dict(self.arm.named_parameters())
        optimizer = torch.optim.AdamW(
            [
                {"params": [names[one] for one in chosen], "lr": self.stage.rate_scale * group.rate}
                for group, chosen in zip(self.stage.groups, self.groups, strict=True)
            ],
            betas=self.stage.betas,
            weight_decay=self.stage.weight_decay,
        )
        steps = self.train_config.steps
        return scheduled(optimizer, lambda step: self.stage.factor(step, steps))

    def leave_arm(self, path: Path) -> None:
        """Turns the weights in `path` from this module's into the ordinary arm's."""
        saved: dict[str, Tensor] = torch.load(path, weights_only=True)
        state = {name.removeprefix("arm."): value for name, value in saved.items()}
        torch.save(merged_state(state, self.stage.lora), path)


def apply_stage(arm: nn.Module, stage: StageConfig, seed: int) -> list[list[str]]:
    """Puts the stage's updates into `arm`, freezes what no group trains, and gives the names of
    each group's parameters. What the arm itself freezes stays frozen.

    Raises ValueError for a pattern that fits no parameter, and for a group that gets none.
    """
    trained = {id(p) for p in arm.parameters() if p.requires_grad}
    trained |= {id(p) for p in add_updates(arm, stage.lora, seed)}
    named = dict(arm.named_parameters())
    aliases = names_by_task(arm)
    found: list[list[str]] = [[] for _ in stage.groups]
    used: set[str] = set()
    for name, parameter in named.items():
        fitting = patterns_for(aliases[name], stage) if id(parameter) in trained else set()
        used |= fitting
        first = next((i for i, one in enumerate(stage.groups) if fitting & {*one.match}), None)
        parameter.requires_grad_(first is not None)
        if first is not None:
            found[first].append(name)
    check_groups(stage, used, found)
    return found


def patterns_for(names: Sequence[str], stage: StageConfig) -> set[str]:
    """The patterns that fit one of the names of a parameter."""
    patterns = {pattern for group in stage.groups for pattern in group.match}
    return {one for one in patterns if any(fnmatchcase(name, one) for name in names)}


def check_groups(stage: StageConfig, used: set[str], found: Sequence[Sequence[str]]) -> None:
    for group, names in zip(stage.groups, found, strict=True):
        if unused := [pattern for pattern in group.match if pattern not in used]:
            raise ValueError(
                "stage.groups.match must fit parameters that the arm trains, "
                f"got {unused[0]!r}, which fits none."
            )
        if not names:
            raise ValueError(
                "stage.groups must each have parameters that no earlier group took, "
                f"got none left for {', '.join(group.match)}."
            )


def names_by_task(arm: nn.Module) -> dict[str, list[str]]:
    """Each parameter's name, and `task:name` where the sequences of one task alone pass it."""
    named = dict(arm.named_parameters())
    model = getattr(arm, "model", None)
    alone: dict[int, str] = {}
    if isinstance(model, UnifiedModel):
        for task, other in zip(TASKS, reversed(TASKS), strict=True):
            beside = (p for part in model.idle_parts(other) for p in part.parameters())
            alone |= {id(p): task for p in (*skipped_by(model, other), *beside)}
    return {
        name: [name, *([f"{alone[id(p)]}:{name}"] if id(p) in alone else [])]
        for name, p in named.items()
    }
