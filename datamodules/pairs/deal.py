"""The samples of a step, for one rank of several: a data set whose item is a step.

A step has the positions [step * batch, (step + 1) * batch), a rank an equal part of them. Workers
of a DataLoader share out the items, so ranks, workers and a resume at any step meet every position
once, and no loader has a state.
"""

from dataclasses import dataclass

from datamodules.pairs.samples import Broken, Positions, Sample, read_or_name


@dataclass(frozen=True)
class Rank:
    """Process `number` of `ranks` that work together."""

    number: int = 0
    ranks: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.number < self.ranks:
            raise ValueError(f"rank must lie in [0, ranks={self.ranks}), got {self.number}.")


ALONE = Rank()


@dataclass(frozen=True)
class StepSamples:
    """Item s is what this rank sees of step `steps[s]`; `batch` counts the samples of all ranks.

    For a DataLoader with `batch_size=None`. With `end` the positions stop there. Raises ValueError
    where the ranks do not divide a step.
    """

    positions: Positions
    batch: int
    steps: range
    rank: Rank = ALONE
    end: int | None = None

    def __post_init__(self) -> None:
        if self.batch < 1 or self.batch % self.rank.ranks:
            raise ValueError(
                f"batch must be a multiple of ranks={self.rank.ranks}, got {self.batch}."
            )

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, item: int) -> list[Sample | Broken]:
        part = self.batch // self.rank.ranks
        first = self.steps[item] * self.batch + self.rank.number * part
        last = first + part if self.end is None else min(first + part, self.end)
        return [read_or_name(self.positions, one) for one in range(first, last)]
