"""Samples that a task cannot use are broken ones, counted and named."""

import numpy as np
import pytest

from datamodules.pairs.faults import Ledger
from datamodules.pairs.samples import Broken, BrokenSampleError, Sample
from datamodules.pairs.stream import PairStream, StreamConfig
from datamodules.pairs.usable import Usable
from experiments.align import data
from experiments.align.data import EXAMPLES, TaskStreams
from models import Task

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
        ("understand", Sample("x", None, "a dog", (), IMAGE), "must come in pixels here, got a pr"),
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


BROKEN = Broken("worn", "an image must be whole, got half.")


def streams_of(*tasks: Task) -> TaskStreams:
    """Streams that have dealt nothing yet and put up with nine broken samples of ten."""
    streams = TaskStreams.__new__(TaskStreams)
    streams.streams = {}
    for task in tasks:
        config = StreamConfig(batch=1, steps=2)
        one = PairStream(One(None), lambda samples: {EXAMPLES: samples}, config)
        one.ledger = Ledger(10, 0.9)
        streams.streams[task] = one
    return streams


@pytest.mark.parametrize("processes", [1, 2])
def test_of_several_processes_none_lacks_a_task_whose_samples_are_broken(
    processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "ranks", lambda: processes)
    streams = streams_of("generate", "understand")
    drawn, asked, other = (Sample(name, IMAGE, "a dog") for name in ("one", "two", "three"))
    first = {"generate": [drawn], "understand": [BROKEN, asked]}
    assert streams.on_before_batch_transfer(first, 0) == {
        "generate": [drawn],
        "understand": [asked],
    }
    found = streams.on_before_batch_transfer({"generate": [other], "understand": [BROKEN]}, 0)
    assert found == {"generate": [other], "understand": [] if processes == 1 else [asked]}


def test_a_first_step_without_a_usable_sample_ends_a_run_of_several(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(data, "ranks", lambda: 2)
    with pytest.raises(ValueError, match="the first samples of a run must not all be broken"):
        streams_of("generate").on_before_batch_transfer({"generate": [BROKEN]}, 0)
