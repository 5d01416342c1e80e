"""The order of a loader that goes on from a step, without a length.

A trainer that resumes counts the batches of its epoch from the epoch's start. Were the loader to
say how many batches it holds, those that are left, the epoch would end as soon as the count came to
that number, before the half of a run, and the loader would begin again with what was already seen.
"""

from collections.abc import Iterator

from torch.utils.data import Sampler


class Onward(Sampler[int]):
    """Items 0 to `count - 1` of a data set, in order."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.count))
