"""How a published unified model is tuned; defaults are those of AIA's code (arXiv 2511.22663)."""

from dataclasses import dataclass, field

from models import TASKS, Task
from models.interaction_loss import InteractionConfig
from models.schedules import warmed_cosine


@dataclass(frozen=True, kw_only=True)
class TuningConfig:
    """Each step sees so many examples of each task; a weight of 0 removes the task.

    The rate rises over `warmup_steps` and falls along a cosine to `final_rate`. Of drawn prompts
    the share `prompt_drop` is left out; a conversation ends after `longest` tokens. `recompute`:
    what is inside a layer, and logits, are not kept for the backward pass but computed again.
    """

    steps: int = 1
    understand_batch: int = 4
    generate_batch: int = 4
    understand_weight: float = 1.0
    generate_weight: float = 1.0
    learning_rate: float = 2e-5
    final_rate: float = 1e-6
    warmup_steps: int = 0
    weight_decay: float = 0.05
    clip_norm: float = 1.0
    prompt_drop: float = 0.1
    longest: int = 3000
    precision: str = "bf16-mixed"
    recompute: bool = False
    interaction: InteractionConfig = field(default_factory=InteractionConfig)

    def __post_init__(self) -> None:
        for name in ("steps", "understand_batch", "generate_batch", "longest"):
            if getattr(self, name) < 1:
                raise ValueError(f"train.{name} must be at least 1, got {getattr(self, name)}.")
        for name in ("learning_rate", "clip_norm"):
            if getattr(self, name) <= 0:
                raise ValueError(f"train.{name} must be above 0, got {getattr(self, name)}.")
        if not 0 <= self.final_rate <= self.learning_rate:
            raise ValueError(
                f"train.final_rate must lie in [0, train.learning_rate={self.learning_rate}], "
                f"got {self.final_rate}."
            )
        for name in ("understand_weight", "generate_weight", "warmup_steps", "weight_decay"):
            if getattr(self, name) < 0:
                raise ValueError(f"train.{name} must not be negative, got {getattr(self, name)}.")
        if not self.tasks:
            raise ValueError(
                "train.understand_weight and train.generate_weight must not both be 0."
            )
        if not 0 <= self.prompt_drop <= 1:
            raise ValueError(f"train.prompt_drop must lie in [0, 1], got {self.prompt_drop}.")

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks whose loss counts."""
        return tuple(task for task in TASKS if self.weight(task))

    def batch(self, task: Task) -> int:
        return self.understand_batch if task == "understand" else self.generate_batch

    def weight(self, task: Task) -> float:
        return self.understand_weight if task == "understand" else self.generate_weight

    def rate(self, step: int) -> float:
        """The learning rate of a step."""
        floor = self.final_rate / self.learning_rate
        return self.learning_rate * warmed_cosine(step, self.steps, self.warmup_steps, floor)
