"""Broken samples counted and named, and the share of them that a run puts up with."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from torch import distributed

from datamodules.pairs.samples import Broken, Sample

SHOWN = 3
"""How many broken samples an error names."""


@dataclass
class Ledger:
    """Of `expected` samples at most the share `allowed` may be broken."""

    expected: int
    allowed: float
    read: int = 0
    broken: list[Broken] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not 0 <= self.allowed < 1:
            raise ValueError(f"max_broken must lie in [0, 1), got {self.allowed}.")

    def whole(self, found: Iterable[Sample | Broken]) -> list[Sample]:
        """The samples that are whole; ValueError once too many are not."""
        samples: list[Sample] = []
        for one in found:
            self.read += 1
            if isinstance(one, Sample):
                samples.append(one)
            else:
                self.add(one)
        return samples

    def add(self, broken: Broken) -> None:
        """Counts one broken sample; ValueError once there are too many."""
        self.broken.append(broken)
        if len(self.broken) / max(self.expected, 1) > self.allowed:
            named = "; ".join(f"{one.name}: {one.reason}" for one in self.broken[:SHOWN])
            more = len(self.broken) - SHOWN
            raise ValueError(
                f"at most {self.allowed:.1%} of {self.expected} samples may be broken, got "
                f"{len(self.broken)} after {self.read}: {named}{f' and {more} more' * (more > 0)}"
            )

    def told(self) -> dict[str, Any]:
        """For JSON: how many samples were read, and name and reason of each broken one."""
        return {"read": self.read, "broken": [asdict(one) for one in self.broken]}


def every_rank(told: Mapping[str, Any]) -> list[Any]:
    """What each process has told, in the order of ranks; all of them have to ask."""
    if not (distributed.is_available() and distributed.is_initialized()):
        return [told]
    found: list[Any] = [None] * distributed.get_world_size()
    distributed.all_gather_object(found, told)
    return found


def together(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What several ledgers have told, as one."""
    broken = [one for part in parts for one in part["broken"]]
    return {"read": sum(part["read"] for part in parts), "broken": broken}
