"""Which of a user's own data a suite trains on: the section `pairs` of a cell's config."""

from dataclasses import dataclass, field
from typing import Literal

from datamodules.pairs.sources import SourceConfig

Task = Literal["understand", "generate"]


@dataclass(frozen=True, kw_only=True)
class PairsConfig:
    """The sources of each task, mixed by their weights; without any, a suite trains on the world.

    `sequences` of each task are taken, none longer than `longest` tokens, of which the share
    `max_broken` may be unusable; `workers` processes read them.
    """

    understand: list[SourceConfig] = field(default_factory=list)
    generate: list[SourceConfig] = field(default_factory=list)
    sequences: int = 80_000
    longest: int = 112
    max_broken: float = 0.01
    workers: int = 0

    def __post_init__(self) -> None:
        for name in ("sequences", "longest"):
            if getattr(self, name) < 1:
                raise ValueError(f"pairs.{name} must be at least 1, got {getattr(self, name)}.")
        if not 0 <= self.max_broken < 1:
            raise ValueError(f"pairs.max_broken must lie in [0, 1), got {self.max_broken}.")
        if any(one.form == "mined" for one in self.understand):
            raise ValueError("pairs.understand must name no mined pairs, which are to be drawn.")
        if self.workers < 0:
            raise ValueError(f"pairs.workers must not be negative, got {self.workers}.")

    def sources(self, task: Task) -> list[SourceConfig]:
        return self.understand if task == "understand" else self.generate

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks that have sources."""
        both: tuple[Task, ...] = ("understand", "generate")
        return tuple(task for task in both if self.sources(task))
