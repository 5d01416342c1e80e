"""Samples that a task cannot use are broken ones, counted and named."""

import numpy as np
import pytest

from datamodules.pairs.samples import BrokenSampleError, Sample
from experiments.align.data import Usable

IMAGE = np.zeros((2, 2, 3), np.uint8)


class One:
    """A list of one sample."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample

    def name(self, index: int) -> str:
        return self.sample.name

    def read(self, index: int) -> Sample:
        return self.sample


@pytest.mark.parametrize(
    ("task", "sample", "message"),
    [
        ("generate", Sample("x", None, "a dog"), "must have an image and a caption"),
        ("generate", Sample("x", IMAGE, "", (("a", "dog"),)), "must have an image and a caption"),
        ("understand", Sample("x", IMAGE, "", (("a", " "),)), "every answer must have words"),
    ],
)
def test_a_sample_that_a_task_cannot_use_is_broken(task, sample: Sample, message: str) -> None:
    with pytest.raises(BrokenSampleError, match=message):
        Usable(One(sample), task).read(0)


@pytest.mark.parametrize(
    ("task", "sample"),
    [
        ("generate", Sample("x", IMAGE, "a dog")),
        ("understand", Sample("x", None, "", (("a", "dog"),))),
        ("understand", Sample("x", IMAGE, "a dog")),
    ],
)
def test_a_sample_that_it_can_use_is_handed_on(task, sample: Sample) -> None:
    assert Usable(One(sample), task).read(0) is sample
