"""A stage of a recipe: an arm of which some parameters are trained, each group at its own rate.

    every parameter, by name ──▶ the first group with a pattern that fits ──▶ that group's rate
                              └─ no group ──▶ frozen, and bit-equal after the stage

The arm is unchanged but for low-rank updates (lora.py), which are merged when the stage ends, so
that what a stage leaves is an ordinary arm. It differs from training without stages in the
optimiser too: AdamW for all, as in the papers that train by stages, and a schedule by shares.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor

from models import TASKS
from models.batch import Batch
from models.lora import LoraConfig, add_updates, merged_state
from models.module import TokenModule, UnifiedModule
from models.sampling import SamplingConfig

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
    """`warmup` is a share of the steps; a cosine falls to `floor` times the rate."""

    groups: list[GroupConfig] = field(default_factory=list)
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
        return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * min(1.0, done))) / 2


class StagedModule(UnifiedModule):
    """Trains `arm` as a stage says. Raises ValueError for a pattern that fits no parameter that the
    arm trains."""

    def __init__(self, arm: UnifiedModule, stage: StageConfig, seed: int) -> None:
        super().__init__(arm.train_config)
        trained = {id(p) for p in arm.parameters() if p.requires_grad}
        trained |= {id(p) for p in add_updates(arm, stage.lora, seed)}
        self.arm, self.stage = arm, stage
        self.second_encoder, self.needs_coin = arm.second_encoder, arm.needs_coin
        self.groups = grouped(arm, stage.groups, trained)

    @property
    def passed_twice(self) -> tuple[torch.nn.Module, ...]:
        return self.arm.passed_twice

    def losses(self, batch: Batch) -> dict[str, dict[str, Tensor]]:
        return self.arm.losses(batch)

    def active_parameters(self) -> dict[str, int]:
        return self.arm.active_parameters()

    def generate(
        self, prompts: Sequence[list[int]], seeds: Sequence[int], config: SamplingConfig
    ) -> Int[Tensor, "b p"]:
        return self.arm.generate(prompts, seeds, config)

    def answer(
        self, questions: Sequence[list[int]], config: SamplingConfig, length: int
    ) -> list[list[int]]:
        return self.arm.answer(questions, config, length)

    def configure_optimizers(self) -> Any:
        names = dict(self.arm.named_parameters())
        optimizer = torch.optim.AdamW(
            [
                {"params": [names[one] for one in chosen], "lr": group.rate}
                for group, chosen in zip(self.stage.groups, self.groups, strict=True)
            ],
            betas=self.stage.betas,
            weight_decay=self.stage.weight_decay,
        )
        steps = self.train_config.steps
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: self.stage.factor(step, steps)
        )
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": schedule, "interval": "step"},
        }

    def leave_arm(self, path: Path) -> None:
        """Turns the weights in `path` from this module's into the ordinary arm's."""
        saved: dict[str, Tensor] = torch.load(path, weights_only=True)
        state = {name.removeprefix("arm."): value for name, value in saved.items()}
        torch.save(merged_state(self.arm, state), path)


def grouped(
    arm: UnifiedModule, groups: Sequence[GroupConfig], trained: set[int]
) -> list[list[str]]:
    """The names of each group's parameters; what is in none is frozen, and what is not in `trained`
    stays so. Raises ValueError that names a pattern without any parameter."""
    aliases = names_by_task(arm)
    found: list[list[str]] = [[] for _ in groups]
    unused = {pattern for group in groups for pattern in group.match}
    for name, parameter in arm.named_parameters():
        parameter.requires_grad_(False)
        if id(parameter) not in trained:
            continue
        fitting = {p for p in patterns_of(groups) if any(fits(one, p) for one in aliases[name])}
        unused -= fitting
        for group, chosen in zip(groups, found, strict=True):
            if fitting & set(group.match):
                parameter.requires_grad_(True)
                chosen.append(name)
                break
    if unused:
        raise ValueError(
            f"stage.groups.match must fit parameters of {type(arm).__name__} that it trains, "
            f"got {min(unused)!r}, which fits none."
        )
    if empty := [group.match for group, chosen in zip(groups, found, strict=True) if not chosen]:
        raise ValueError(
            f"stage.groups must each have parameters that no earlier group took, got {empty[0]}."
        )
    return found


def patterns_of(groups: Sequence[GroupConfig]) -> set[str]:
    return {pattern for group in groups for pattern in group.match}


def fits(name: str, pattern: str) -> bool:
    return fnmatchcase(name, pattern)


def names_by_task(arm: UnifiedModule) -> dict[str, list[str]]:
    """Each parameter's name, and `task:name` where the sequences of one task alone pass it."""
    names = {name: [name] for name, _ in arm.named_parameters()}
    if not isinstance(arm, TokenModule):
        return names
    passed = {task: passed_parameters(arm, task) for task in TASKS}
    for name, parameter in arm.model.trunk.named_parameters(prefix="model.trunk"):
        alone = [task for task in TASKS if id(parameter) in passed[task]]
        names[name] += [f"{task}:{name}" for task in alone if len(alone) == 1]
    for task, head in zip(TASKS, ("text_head", "image_head"), strict=True):
        names |= {
            name: [name, f"{task}:{name}"] for name in names if name.startswith(f"model.{head}.")
        }
    return names


def passed_parameters(arm: TokenModule, task: str) -> set[int]:
    """Ids of the trunk's parameters that a sequence of `task` passes through."""
    layers, norm = arm.model.trunk.path(task)  # pyright: ignore[reportArgumentType]
    return {id(parameter) for part in (*layers, norm) for parameter in part.parameters()}
