"""How much a probe looks at."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ProbeConfig:
    """`per_kind` pictures of each prompt kind; `neighbours` is the k of mutual nearest neighbours;
    `gradient_batch` sequences make one gradient of a task. With `curve` a cell is seen at every
    token count that its training kept, beside the end.
    """

    per_kind: int = 64
    neighbours: int = 10
    gradient_batch: int = 32
    curve: bool = False

    def __post_init__(self) -> None:
        for name in ("per_kind", "neighbours", "gradient_batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"probe.{name} must be at least 1, got {getattr(self, name)}.")
