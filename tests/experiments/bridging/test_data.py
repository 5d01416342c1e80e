"""What a stage's batch holds, and the latents that a decoder does not take."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from datamodules.pairs.encoders import DiffusersEncoder
from datamodules.pairs.precompute import PrecomputeConfig, precompute
from datamodules.pairs.samples import Sample
from datamodules.pairs.sources import SourceConfig, open_source
from experiments.bridging.config import StageConfig
from experiments.bridging.data import pair_batch, pair_stream
from models.bridging.decoder_pipeline import PipelineDecoder, open_decoder
from tests.experiments.bridging.conftest import CAPTIONS, TRAIN, captions, mined

SIDE = 32


@pytest.fixture(scope="module")
def decoder(parts: Path) -> PipelineDecoder:
    return open_decoder(parts / "sana", tuned=True)


@pytest.fixture
def latents(parts: Path, tmp_path: Path) -> SourceConfig:
    source = captions(parts)
    about = {"pixels": SIDE}
    encoder = DiffusersEncoder(str(parts / "sana"), "vae", "cpu")
    config = PrecomputeConfig(shard_size=4, batch=4)
    precompute(open_source(source, SIDE), about, encoder, tmp_path / "latents", config)
    return SourceConfig(form="precomputed", path=str(tmp_path / "latents"))


def first_batch(stage: StageConfig, decoder: PipelineDecoder) -> dict:
    stream = pair_stream(stage, decoder, seed=0)
    loader = stream.train_dataloader()
    return stream.on_before_batch_transfer(next(iter(loader)), 0)


def test_captions_come_with_pictures_of_the_decoders_size(
    parts: Path, decoder: PipelineDecoder
) -> None:
    stage = StageConfig(sources=[captions(parts)], train=TRAIN)
    batch = first_batch(stage, decoder)
    assert sorted(batch["texts"]) == sorted(CAPTIONS)
    assert batch["references"] == [()] * 4
    assert batch["pixels"].shape == (4, SIDE, SIDE, 3)
    assert batch["pixels"].dtype == torch.uint8


def test_a_mined_pair_has_its_sources_as_references(parts: Path, decoder: PipelineDecoder) -> None:
    batch = first_batch(StageConfig(sources=[mined(parts)], train=TRAIN), decoder)
    assert batch["texts"] == ["a red cat"] * 4
    assert [len(one) for one in batch["references"]] == [1] * 4
    target = open_source(captions(parts), SIDE).read(0).image
    assert all(np.array_equal(one, target) for one in batch["pixels"].numpy())


def test_a_sample_without_an_image_is_a_broken_one(
    parts: Path, decoder: PipelineDecoder, tmp_path: Path
) -> None:
    turns = [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "a red cat"}]
    talk = tmp_path / "talk.json"
    talk.write_text(json.dumps([{"id": "t", "conversations": turns}]))
    text = SourceConfig(form="llava", path=str(talk), images=str(parts))
    train = replace(TRAIN, steps=8)
    stage = StageConfig(sources=[captions(parts), text], train=train, max_broken=0.9)
    stream = pair_stream(stage, decoder, seed=0)
    batches = [stream.on_before_batch_transfer(one, 0) for one in stream.train_dataloader()]
    assert min(len(one["texts"]) for one in batches) < TRAIN.batch
    assert {one.name for one in stream.ledger.broken} == {"talk.json/t"}
    reason = "a sample that is drawn must have an image and a caption."
    assert {one.reason for one in stream.ledger.broken} == {reason}


def test_precomputed_latents_are_those_that_the_decoder_encodes(
    decoder: PipelineDecoder, latents: SourceConfig, parts: Path
) -> None:
    batch = first_batch(StageConfig(sources=[latents], train=TRAIN), decoder)
    drawn = {
        caption: open_source(captions(parts), SIDE).read(number).image
        for number, caption in enumerate(CAPTIONS)
    }
    pixels = np.stack([drawn[text] for text in batch["texts"]])
    scaled = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
    torch.testing.assert_close(
        batch["latents"].float(), decoder.encode(scaled), rtol=1e-2, atol=1e-2
    )


def test_latents_of_another_autoencoder_or_size_are_refused(
    decoder: PipelineDecoder, latents: SourceConfig
) -> None:
    stage = StageConfig(sources=[latents], train=TRAIN)
    about = Path(latents.path) / "about.json"
    told = json.loads(about.read_text())
    for wrong in ({"source": {"pixels": 64}}, {"encoder": "AutoencoderDC 0"}):
        about.write_text(json.dumps({**told, **wrong}))
        with pytest.raises(ValueError, match=r"must hold latents of AutoencoderDC \w+ at 32 pix"):
            pair_stream(stage, decoder, seed=0)


def test_a_stage_without_data_or_with_latents_beside_pictures_is_refused(
    parts: Path, decoder: PipelineDecoder, latents: SourceConfig
) -> None:
    stage = StageConfig(train=TRAIN)
    with pytest.raises(ValueError, match="sources of a stage must name data, got none"):
        pair_stream(stage, decoder, seed=0)
    with pytest.raises(ValueError, match="must all be precomputed or none, got both"):
        pair_stream(replace(stage, sources=[captions(parts), latents]), decoder, seed=0)


def test_a_sample_without_image_is_refused() -> None:
    with pytest.raises(ValueError, match="a pair must have an image, got none in a1"):
        pair_batch([Sample("a1", caption="a cat")])
