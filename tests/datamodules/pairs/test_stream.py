"""Latents on disk train a module through Lightning, and a resumed run sees what is left."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import lightning
import numpy as np
import pytest
import torch

from datamodules.pairs.faults import together
from datamodules.pairs.mixture import Mixture
from datamodules.pairs.precompute import PrecomputeConfig, precompute
from datamodules.pairs.samples import Sample
from datamodules.pairs.shards import PrecomputedSource
from datamodules.pairs.stream import PairStream, StreamConfig
from tests.datamodules.pairs.shards_in_use import Greys, latent_batch

COUNT, BATCH, STEPS = 24, 4, 6


class Halves:
    """An image becomes its upper left quarter, in shares of 255, channels first."""

    label = "halves"

    def encode(self, images: np.ndarray) -> np.ndarray:
        return (images[:, :2, :2].transpose(0, 3, 1, 2) / 255).astype(np.float16)


@pytest.fixture
def source(tmp_path: Path) -> PrecomputedSource:
    config = PrecomputeConfig(shard_size=8, batch=4)
    precompute(Greys(COUNT), {}, Halves(), tmp_path / "latents", config)
    return PrecomputedSource(tmp_path / "latents")


class Mean(lightning.LightningModule):
    """Learns the mean latent; remembers the captions that it met."""

    def __init__(self) -> None:
        super().__init__()
        self.mean = torch.nn.Parameter(torch.zeros(3, 2, 2))
        self.met: list[list[str]] = []

    def training_step(self, batch: dict[str, Any], index: int) -> torch.Tensor:
        assert batch["latents"].dtype == torch.float16
        self.met.append(batch["captions"])
        return (batch["latents"].float() - self.mean).square().mean()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def trainer(steps: int, folder: Path) -> lightning.Trainer:
    return lightning.Trainer(
        accelerator="cpu",
        max_steps=steps,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        use_distributed_sampler=False,
    )


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("stop", [2, 4])
def test_a_resumed_run_meets_every_latent_once_and_ends_as_a_whole_one(
    source: PrecomputedSource, tmp_path: Path, stop: int
) -> None:
    mixture = Mixture([source], [1.0], 0)
    config = StreamConfig(batch=BATCH, steps=STEPS)
    whole, first, second = Mean(), Mean(), Mean()
    trainer(STEPS, tmp_path).fit(whole, PairStream(mixture, latent_batch, config))
    stopped = trainer(stop, tmp_path)
    stopped.fit(first, PairStream(mixture, latent_batch, config))
    stopped.save_checkpoint(tmp_path / "part.ckpt")
    trainer(STEPS, tmp_path).fit(
        second, PairStream(mixture, latent_batch, config), ckpt_path=tmp_path / "part.ckpt"
    )
    assert first.met + second.met == whole.met
    captions = [caption for captions in whole.met for caption in captions]
    assert sorted(captions) == sorted(f"grey {number}" for number in range(COUNT))
    assert torch.equal(whole.mean, second.mean)
    assert whole.mean.abs().max() > 0


def test_each_rank_of_a_trainer_gets_its_part_of_a_step(source: PrecomputedSource) -> None:
    met = []
    for rank in range(2):
        stream = PairStream(source, latent_batch, StreamConfig(batch=BATCH, steps=STEPS))
        stream.trainer = SimpleNamespace(global_rank=rank, world_size=2, global_step=1)
        batches = [stream.on_before_batch_transfer(one, 0) for one in stream.train_dataloader()]
        assert [len(one["captions"]) for one in batches] == [BATCH // 2] * (STEPS - 1)
        assert stream.ledger.expected == COUNT // 2
        met += [caption for one in batches for caption in one["captions"]]
    assert sorted(met) == sorted(f"grey {number}" for number in range(BATCH, COUNT))
    stream = PairStream(source, latent_batch, StreamConfig(batch=BATCH, steps=STEPS))
    stream.trainer = SimpleNamespace(global_rank=0, world_size=3, global_step=0)
    with pytest.raises(ValueError, match=r"batch must be a multiple of ranks=3, got 4\."):
        stream.train_dataloader()


def test_a_step_comes_in_as_many_batches_as_are_accumulated(source: PrecomputedSource) -> None:
    config = StreamConfig(batch=BATCH, steps=STEPS, accumulate=2)
    stream = PairStream(source, latent_batch, config)
    stream.trainer = SimpleNamespace(global_rank=0, world_size=1, global_step=1)
    met = [stream.on_before_batch_transfer(one, 0)["captions"] for one in stream.train_dataloader()]
    expected = [f"grey {number}" for number in range(BATCH, COUNT)]
    assert met == [expected[first : first + 2] for first in range(0, len(expected), 2)]
    with pytest.raises(ValueError, match=r"batch must be a multiple of accumulate=3, got 4\."):
        StreamConfig(batch=BATCH, steps=STEPS, accumulate=3)


def test_a_broken_sample_shortens_its_batch_and_is_counted_where_training_runs() -> None:
    def collate(samples: list[Sample]) -> dict[str, Any]:
        return {"names": [one.name for one in samples]}

    def batches(allowed: float) -> list[list[str]]:
        config = StreamConfig(batch=BATCH, steps=STEPS, workers=1, max_broken=allowed)
        stream = PairStream(Greys(COUNT, broken=3), collate, config)
        loader = stream.train_dataloader()
        return [stream.on_before_batch_transfer(one, 0)["names"] for one in loader]

    assert batches(0.05)[0] == ["0", "1", "2"]
    with pytest.raises(ValueError, match=r"at most 4\.0% of 24 samples may be broken, got 1"):
        batches(0.04)


def test_a_batch_of_broken_samples_alone_repeats_the_one_before_where_it_may() -> None:
    def names(samples: list[Sample]) -> dict[str, Any]:
        return {"names": [one.name for one in samples]}

    def met(refill: bool, first: int = 0, broken: int = 2) -> list[list[str]]:
        config = StreamConfig(batch=1, steps=4, max_broken=0.5, refill=refill)
        stream = PairStream(Greys(COUNT, broken), names, config)
        stream.trainer = SimpleNamespace(global_rank=0, world_size=1, global_step=first)
        loader = stream.train_dataloader()
        return [stream.on_before_batch_transfer(one, 0)["names"] for one in loader]

    assert met(True) == [["0"], ["1"], ["1"], ["3"]]
    assert met(True, first=2) == [["1"], ["3"]]  # as if it had not been stopped
    assert met(False) == [["0"], ["1"], [], ["3"]]
    with pytest.raises(ValueError, match="the first samples of a run must not all be broken"):
        met(True, broken=0)


def test_a_resumed_run_puts_up_with_as_many_broken_samples_as_a_whole_one() -> None:
    config = StreamConfig(batch=BATCH, steps=STEPS, max_broken=0.05)
    for first in (0, STEPS - 1):
        stream = PairStream(Greys(COUNT, broken=COUNT - 1), len, config)
        stream.trainer = SimpleNamespace(global_rank=0, world_size=1, global_step=first)
        met = [stream.on_before_batch_transfer(one, 0) for one in stream.train_dataloader()]
        assert met == [BATCH] * (STEPS - 1 - first) + [BATCH - 1]


def met_by(ranks: int, first: int, state: dict[str, Any] | None = None) -> dict[str, Any]:
    """The state of all processes of a run from step `first` on, whose first sample is broken."""
    told = []
    for rank in range(ranks):
        config = StreamConfig(batch=BATCH, steps=STEPS, max_broken=0.5)
        stream = PairStream(Greys(COUNT, broken=first * BATCH), len, config)
        stream.trainer = SimpleNamespace(global_rank=rank, world_size=ranks, global_step=first)
        if state is not None:
            stream.load_state_dict(state)
        batches = list(stream.train_dataloader())
        for batch in batches[: None if state else 1]:
            stream.on_before_batch_transfer(batch, 0)
        told += stream.state_dict()["ranks"]
    return {"ranks": told}


@pytest.mark.parametrize(("before", "after"), [(1, 1), (2, 2), (2, 1), (1, 2)])
def test_what_was_broken_before_a_resume_is_still_counted_and_named(
    before: int, after: int
) -> None:
    whole = together(met_by(after, 1, met_by(before, 0))["ranks"])
    assert whole["read"] == COUNT
    assert sorted(one["name"] for one in whole["broken"]) == ["0", str(BATCH)]
    assert {one["reason"] for one in whole["broken"]} == {"an image must be whole, got half."}
