"""The section `conditioned` of a cell's config: whether its prompts for drawing hold images."""

from dataclasses import dataclass

PROMPTS = ("captions", "pictures", "examples")


@dataclass(frozen=True, kw_only=True)
class ConditionedConfig:
    """What a `share` of the generation sequences are in the place of captions.

    `pictures`: prompts that hold pictures (datamodules/world/picture_prompts.py), and the three
    benchmarks of such prompts. `examples`: two drawn examples before a description
    (datamodules/world/examples.py), and WISE after such examples. `captions`: nothing of this.
    """

    prompts: str = "captions"
    share: float = 0.5
    per_kind: int = 40
    """Prompts of each kind, in each column of the three benchmarks."""

    def __post_init__(self) -> None:
        if self.prompts not in PROMPTS:
            raise ValueError(f"conditioned.prompts must be one of {PROMPTS}, got {self.prompts!r}.")
        if not 0 < self.share < 1:
            raise ValueError(f"conditioned.share must lie in (0, 1), got {self.share}.")
        if self.per_kind < 1:
            raise ValueError(f"conditioned.per_kind must be at least 1, got {self.per_kind}.")

    @property
    def variant(self) -> str | None:
        """The variant of its steps (experiments/planning/graph_variants.py); None: no variant."""
        return None if self.prompts == "captions" else self.prompts
