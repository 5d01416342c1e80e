"""The sections that a stage adds to a cell's config: `stage` and `mixture`."""

from dataclasses import dataclass, field

from experiments.recipes.trainers import TRAINERS
from models.staged import StageConfig


@dataclass(frozen=True, kw_only=True)
class RecipeStageConfig(StageConfig):
    """`name` is the stage's in its recipe; a cell without one is no stage. `trainer` is one of
    trainers.py."""

    name: str = ""
    trainer: str = "arm"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.trainer not in TRAINERS:
            known = ", ".join(TRAINERS)
            raise ValueError(f"stage.trainer must be one of {known}, got {self.trainer!r}.")
        if self.name and not self.groups:
            raise ValueError(f"stage.groups must say what {self.name} trains, got none.")

    @property
    def variant(self) -> str:
        """Its cells train as a stage (experiments/planning/graph_variants.py)."""
        return f"stage_{self.trainer}" if self.name else ""


SOURCES = {
    "understand": ("captions", "questions", "facts", "texts"),
    "generate": ("captions",),
}
"""What of the embedded world each task can be taught by."""


@dataclass(frozen=True, kw_only=True)
class WorldSourceConfig:
    """`weight` is a source's share relative to the others' of its task."""

    source: str = ""
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not self.weight > 0:
            raise ValueError(
                f"mixture weight must be above 0, got {self.weight} for {self.source}."
            )


@dataclass(frozen=True, kw_only=True)
class MixtureConfig:
    """The embedded world's sources by task; without any, shares are those of `data`."""

    understand: list[WorldSourceConfig] = field(default_factory=list)
    generate: list[WorldSourceConfig] = field(default_factory=list)

    def __post_init__(self) -> None:
        for task, known in SOURCES.items():
            for one in self.sources(task):
                if one.source not in known:
                    raise ValueError(
                        f"mixture.{task} must have sources of {', '.join(known)}, "
                        f"got {one.source!r}."
                    )
        if bool(self.understand) != bool(self.generate):
            raise ValueError("mixture must give both tasks sources or neither, got one of them.")

    def sources(self, task: str) -> list[WorldSourceConfig]:
        return self.understand if task == "understand" else self.generate

    @property
    def variant(self) -> str:
        """Its cells have a training set of their own (experiments/planning/graph_variants.py)."""
        return "mixture" if self.understand else ""
