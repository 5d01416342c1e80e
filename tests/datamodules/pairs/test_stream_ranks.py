"""Two real processes with two workers each, stopped and resumed, train on every latent once."""

from collections import Counter
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import torch

from datamodules.pairs.precompute import PrecomputeConfig, precompute
from datamodules.pairs.shards import PrecomputedSource
from datamodules.pairs.stream import PairStream, StreamConfig
from tests.datamodules.pairs.shards_in_use import Greys, latent_batch

COUNT, BATCH, STEPS, STOP = 24, 4, 6, 2


class Whole:
    """An image is its own latent."""

    label = "whole"

    def encode(self, images: np.ndarray) -> np.ndarray:
        return images.transpose(0, 3, 1, 2).astype(np.float16)


class Witness(lightning.LightningModule):
    """Writes down the captions of each step of each rank, and a checkpoint at the end."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def training_step(self, batch: dict[str, Any], index: int) -> torch.Tensor:
        with (self.folder / f"rank-{self.global_rank}.txt").open("a") as file:
            file.write("".join(f"{self.global_step} {one}\n" for one in batch["captions"]))
        return (batch["latents"].float().mean() - self.weight).square()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)

    def on_train_end(self) -> None:
        self.trainer.save_checkpoint(self.folder / "last.ckpt")


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_two_ranks_of_two_workers_train_on_every_latent_once_though_they_were_stopped(
    tmp_path: Path,
) -> None:
    precompute(
        Greys(COUNT), {}, Whole(), tmp_path / "latents", PrecomputeConfig(shard_size=8, batch=8)
    )
    source = PrecomputedSource(tmp_path / "latents")
    config = StreamConfig(batch=BATCH, steps=STEPS, workers=2)
    for steps, resumed in ((STOP, None), (STEPS, tmp_path / "last.ckpt")):
        trainer = lightning.Trainer(
            accelerator="cpu",
            devices=2,
            strategy="ddp_spawn",
            max_steps=steps,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
        )
        stream = PairStream(source, latent_batch, config)
        trainer.fit(Witness(tmp_path), stream, ckpt_path=resumed)
    met = Counter(
        line
        for rank in range(2)
        for line in (tmp_path / f"rank-{rank}.txt").read_text().split("\n")
    )
    del met[""]
    assert met == Counter(f"{number // BATCH} grey {number}" for number in range(COUNT))
