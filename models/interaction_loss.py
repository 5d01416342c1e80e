"""Attention Interaction Alignment: pulls the attention between the modalities to a target by layer.

    generate     image tokens  ── mass ──▶ words of the caption
    understand   text that answers ── mass ──▶ image tokens

For each sequence and layer, a Huber loss between that mass (mean over heads and asking tokens) and
the layer's target; the mean over layers and sequences is weighted and added to the task's loss.

Source: AIA (arXiv 2511.22663). Its text weighs the loss by 40, its table speaks of a ratio of 50 to
1, and its code uses 5 for drawing and 10 for answering: the weights are fields, and the ratio of
the two terms is logged. Its code's windows leave out the last word of a prompt; ours do not.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from models import TASKS, Task
from models.attention_mass import Watch
from models.batch import Sequences
from models.text_tokens import SPECIAL

TARGETS = ("published", "controls", "values")
STAGES = (1 / 3, 2 / 3, 5 / 6, 1.0)
"""Where each published stage ends, as a share of the depth (layers 10, 20, 25 and 30 of 30)."""
PUBLISHED: dict[Task, tuple[float, ...]] = {
    "understand": (0.1, 0.15, 0.3, 0.3, 0.2),
    "generate": (0.4, 0.4, 0.4, 0.2, 0.2),
}
DELTAS: dict[Task, tuple[float, ...]] = {
    "understand": (0.05, 0.05, 0.05, 0.05, 0.05),
    "generate": (0.2, 0.1, 0.1, 0.05, 0.05),
}
"""Target and Huber threshold of each stage, as published for a model of 30 layers, and of a fifth
stage, which is a layer beyond them (models/pretrained/unified/stages.py)."""

Curves = tuple[list[float], list[float]]
"""The target and the Huber threshold of each layer."""


@dataclass(frozen=True, kw_only=True)
class InteractionConfig:
    """A task whose weight is 0 is left alone. `delta` 0 means the published ones by stage; from 1
    on the loss is half the squared error.

    `targets`: `published` constants by relative depth; `controls`, the masses of models trained on
    one task, which the runner measures; or `values`, one a layer in `understand_values` and
    `generate_values`. `swapped` gives each task the other's targets (a placebo).
    """

    understand_weight: float = 0.0
    generate_weight: float = 0.0
    delta: float = 0.0
    targets: str = "published"
    understand_values: list[float] = field(default_factory=list)
    generate_values: list[float] = field(default_factory=list)
    swapped: bool = False

    def __post_init__(self) -> None:
        for name in ("understand_weight", "generate_weight", "delta"):
            if getattr(self, name) < 0:
                raise ValueError(
                    f"train.interaction.{name} must not be negative, got {getattr(self, name)}."
                )
        if self.targets not in TARGETS:
            raise ValueError(
                f"train.interaction.targets must be one of {TARGETS}, got {self.targets!r}."
            )
        for task in TASKS:
            if outside := [value for value in self.values(task) if not 0 <= value <= 1]:
                raise ValueError(
                    f"train.interaction.{task}_values must lie in [0, 1], got {outside[0]}."
                )

    @property
    def is_on(self) -> bool:
        return any(self.weight(task) for task in TASKS)

    def weight(self, task: Task) -> float:
        return self.understand_weight if task == "understand" else self.generate_weight

    def values(self, task: Task) -> Sequence[float]:
        return self.understand_values if task == "understand" else self.generate_values


def watch(sequences: Sequences, task: Task, text: int) -> Watch:
    """Which of all positions but the last ask, and which are asked about; ids from `text` on are
    image codes.

    Asking tokens are of the task's own modality and are followed by a target: image tokens but the
    last, or what comes before each word of an answer and its end. Asked about are the words of the
    caption, or the image's tokens. A sequence without an image, or whose prompt was dropped, has
    none, and does not count.
    """
    tokens, followed = sequences["tokens"][:, :-1], sequences["predicted"][:, 1:]
    is_image, kept = tokens >= text, ~sequences["prompt_dropped"][:, None]
    if task == "understand":
        return Watch(queries=followed & ~is_image, keys=is_image & kept)
    is_word = (tokens >= len(SPECIAL)) & ~is_image
    return Watch(queries=followed & is_image, keys=is_word & kept)


def curves(config: InteractionConfig, task: Task, stages: Sequence[int]) -> Curves:
    """What a task's masses are pulled to, and how."""
    return target_curve(config, task, stages), thresholds(config, task, stages)


def target_curve(config: InteractionConfig, task: Task, stages: Sequence[int]) -> list[float]:
    """A target for each layer, by its published stage. Raises ValueError where `values` has another
    length."""
    source = TASKS[1 - TASKS.index(task)] if config.swapped else task
    if config.targets == "published":
        return [PUBLISHED[source][stage] for stage in stages]
    if config.targets == "controls":
        raise ValueError(
            "train.interaction.targets must be measured from the controls before training, "
            "got controls without values."
        )
    values = config.values(source)
    if len(values) != len(stages):
        raise ValueError(
            f"train.interaction.{source}_values must hold one value a layer, "
            f"trunk.depth={len(stages)}, got {len(values)}."
        )
    return list(values)


def thresholds(config: InteractionConfig, task: Task, stages: Sequence[int]) -> list[float]:
    """The Huber threshold of each layer, by its published stage."""
    return [config.delta or DELTAS[task][stage] for stage in stages]


def relative_stages(depth: int) -> list[int]:
    """The published stage in which the middle of each layer lies, counted from 0."""
    middles = [(layer + 0.5) / depth for layer in range(depth)]
    return [next(i for i, end in enumerate(STAGES) if middle < end) for middle in middles]


def huber(
    distance: Float[Tensor, "b depth"], thresholds: Float[Tensor, "depth"]
) -> Float[Tensor, "b depth"]:
    """Half the square up to a threshold, a straight line from there on (Huber, 1964)."""
    size = distance.abs()
    return torch.where(size < thresholds, size.square() / 2, thresholds * (size - thresholds / 2))


def interaction_values(
    config: InteractionConfig, task: Task, watched: Watch, loss: Tensor
) -> dict[str, Tensor]:
    """What `pull` gives for the sequences of a step, its targets taken by relative depth."""
    stages = relative_stages(len(watched.masses))
    number = watched.counted.sum().clamp_min(1)
    return pull(watched, curves(config, task, stages), config.weight(task), number, loss)


def pull(
    watched: Watch, wanted: Curves, weight: float, number: Tensor, loss: Tensor
) -> dict[str, Tensor]:
    """`interaction_loss`, weighted, to be added to the task's `loss`; the mean mass, and the
    weighted loss as a share of `loss`. All are 0 where no sequence counts.

    `number` is how many sequences the means divide by.
    """
    masses = torch.stack(watched.masses, dim=-1)
    targets, deltas = (masses.new_tensor(curve) for curve in wanted)
    distance, counted = huber(masses - targets, deltas), watched.counted
    weighted = weight * (distance.mean(-1) * counted).sum() / number
    return {
        "interaction_loss": weighted,
        "interaction_mass": (masses.detach().mean(-1) * counted).sum() / number,
        "interaction_ratio": weighted.detach() / loss.detach(),
    }
