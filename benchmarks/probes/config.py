"""How much a probe looks at."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, kw_only=True)
class ProbeConfig:
    """`per_kind` pictures of each prompt kind; `neighbours` is the k of mutual nearest neighbours;
    `gradient_batch` sequences make one gradient of a task.
    """

    per_kind: int = 64
    neighbours: int = 10
    gradient_batch: int = 32

    def __post_init__(self) -> None:
        for entry in fields(self):
            if getattr(self, entry.name) < 1:
                raise ValueError(
                    f"probe.{entry.name} must be at least 1, got {getattr(self, entry.name)}."
                )
