"""The pairs of a stage, dealt out by step: texts, reference images, and what they describe."""

from pathlib import Path

import numpy as np
import torch

from datamodules.pairs.encoders import encoder_label
from datamodules.pairs.samples import Sample
from datamodules.pairs.shards import PrecomputedSource
from datamodules.pairs.sources import PRECOMPUTED, open_mixture
from datamodules.pairs.stream import PairStream, StreamConfig
from datamodules.pairs.usable import Usable
from experiments.bridging.config import StageConfig
from models.bridging.bridge_module import PairBatch
from models.bridging.decoder_pipeline import PipelineDecoder


def pair_stream(stage: StageConfig, decoder: PipelineDecoder, seed: int) -> PairStream:
    """The stage's mixture at the size that the decoder draws, without what has no image or caption.

    Raises ValueError for a stage without sources, for one that mixes pictures with precomputed
    latents, and for latents of another autoencoder or size than the decoder's.
    """
    if not stage.sources:
        raise ValueError("sources of a stage must name data, got none.")
    latents = [one.path for one in stage.sources if one.form == PRECOMPUTED]
    if len(latents) not in (0, len(stage.sources)):
        raise ValueError("sources of a stage must all be precomputed or none, got both.")
    side = decoder.latent_shape[1] * decoder.pipeline.vae_scale_factor
    for path in latents:
        check_latents(path, decoder, side)
    train = stage.train
    config = StreamConfig(
        batch=train.batch,
        steps=train.steps,
        accumulate=train.accumulate,
        workers=stage.workers,
        max_broken=stage.max_broken,
        refill=True,
    )
    mixture = open_mixture(stage.sources, side, seed)
    return PairStream(Usable(mixture, "generate", bool(latents)), pair_batch, config)


def check_latents(path: str, decoder: PipelineDecoder, side: int) -> None:
    """Raises ValueError where a folder's latents are none of this decoder's."""
    about, code = PrecomputedSource(Path(path)).about, decoder.autoencoder
    wanted = (encoder_label(code), side)
    if (found := (about["encoder"], about["source"]["pixels"])) != wanted:
        raise ValueError(
            f"{path} must hold latents of {wanted[0]} at {wanted[1]} pixels, "
            f"got those of {found[0]} at {found[1]}."
        )


def pair_batch(samples: list[Sample]) -> PairBatch:
    """The batch of whole samples. Raises ValueError for one without an image."""
    batch: PairBatch = {
        "texts": [one.caption for one in samples],
        "references": [one.sources for one in samples],
    }
    ready = [one.encoded for one in samples if one.encoded is not None]
    images = [one.image for one in samples if one.image is not None]
    if len(ready) + len(images) < len(samples):
        raise ValueError(f"a pair must have an image, got none in {samples[0].name} or beside it.")
    if ready:
        return {**batch, "latents": torch.from_numpy(np.stack(ready))}
    return {**batch, "pixels": torch.from_numpy(np.stack(images))}
