"""Samples that a task cannot use, taken as broken ones: they are counted and do not end a run."""

from datamodules.pairs.config import Task
from datamodules.pairs.samples import BrokenSampleError, Positions, Sample


class Usable:
    """Positions of which those that a task cannot use are broken.

    With `precomputed`, what is drawn comes as `precompute` left it; otherwise every picture comes
    in pixels.
    """

    def __init__(self, positions: Positions, task: Task, precomputed: bool = False) -> None:
        self.positions, self.task, self.precomputed = positions, task, precomputed

    def name(self, index: int) -> str:
        return self.positions.name(index)

    def read(self, index: int) -> Sample:
        sample = self.positions.read(index)
        if sample.encoded is not None and not self.precomputed:
            raise BrokenSampleError("a picture must come in pixels here, got a precomputed one.")
        if self.task == "generate":
            drawn = sample.encoded if self.precomputed else sample.image
            if drawn is None or not sample.caption:
                raise BrokenSampleError("a sample that is drawn must have an image and a caption.")
        elif not all(answer.strip() for _, answer in sample.turns):
            raise BrokenSampleError(f"every answer must have words, got {sample.turns}.")
        return sample
