"""Autoencoders of diffusers: latents that only the bridge draws."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.batch import check, pack_generate, pad, prompt_tokens
from models.image_tokens import ImageTokenizerConfig
from models.sampling import SamplingConfig
from models.text_tokens import TextTokens
from models.tokenizers.codec import Codec, image_ids
from models.tokenizers.kinds import load_codec, new_codec, save_codec
from models.unified import Vocabulary
from tests.models.conftest import build_bridge
from tests.models.tokenizers.checkpoints import (
    SIDE,
    autoencoder_network,
    deep_autoencoder_network,
    tiny_autoencoder_network,
    vqmodel_network,
)

IMAGES = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3)).astype(np.uint8)
PIXELS = torch.from_numpy(IMAGES).permute(0, 3, 1, 2).float() / 127.5 - 1


def opened(network: Any, folder: Path) -> Codec:
    network.save_pretrained(folder)
    return new_codec(ImageTokenizerConfig(kind="autoencoder", path=str(folder), pixels=SIDE))


def encoded(network: Any) -> torch.Tensor:
    found = network.encode(PIXELS)
    for name in ("latents", "latent"):
        if hasattr(found, name):
            return getattr(found, name)
    return found.latent_dist.mean


@torch.no_grad()
@pytest.mark.parametrize(
    ("made", "shift", "scale"),
    [
        (autoencoder_network, 0.25, 0.5),
        (deep_autoencoder_network, 0, 0.41),
        (tiny_autoencoder_network, 0, 1),
    ],
)
def test_latents_and_images_are_those_of_diffusers(
    made: Callable[[], Any], shift: float, scale: float, tmp_path: Path
) -> None:
    network = made()
    codec = opened(network, tmp_path)
    latents = codec.encode(IMAGES)
    wanted = (encoded(network) - shift) * scale
    torch.testing.assert_close(latents, wanted.flatten(2).mT)
    assert codec.config.tokens_per_image == 16
    pixels = network.decode(encoded(network)).sample
    image = ((pixels + 1) * 127.5).round().clamp(0, 255).permute(0, 2, 3, 1).numpy()
    assert np.abs(codec.decode(latents) - image).max() <= 1
    assert torch.equal(codec.nearest(latents), latents)


def test_a_pipelines_folder_and_a_copy_give_the_same_autoencoder(tmp_path: Path) -> None:
    network = autoencoder_network()
    network.save_pretrained(tmp_path / "pipeline" / "vae")
    path = str(tmp_path / "pipeline")
    codec = new_codec(ImageTokenizerConfig(kind="autoencoder", path=path, pixels=SIDE))
    (tmp_path / "copy").mkdir()
    save_codec(codec, tmp_path / "copy")
    assert torch.equal(load_codec(tmp_path / "copy").encode(IMAGES), codec.encode(IMAGES))


def test_another_class_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must hold one of AutoencoderKL, .* got VQModel"):
        opened(vqmodel_network(), tmp_path)


def test_an_images_positions_hold_placeholders(tmp_path: Path) -> None:
    codec = opened(autoencoder_network(), tmp_path)
    assert image_ids(codec, IMAGES) == [[0] * 16] * 3


def test_the_bridge_learns_latents_from_the_batch_and_draws_them(
    words: TextTokens, tmp_path: Path
) -> None:
    codec = opened(autoencoder_network(), tmp_path)
    assert codec.config.grid == 4
    vocabulary = Vocabulary(len(words), codec.features(), codec.config.grid)
    bridge: Any = build_bridge(vocabulary, codec)
    drawn = [pack_generate(words, "a red cat", one) for one in image_ids(codec, IMAGES)]
    sequences = {**pad(drawn), "latents": codec.encode(IMAGES).half()}
    check({"generate": sequences})
    other = {**sequences, "latents": sequences["latents"] + 1}
    with torch.no_grad():
        loss, changed = (bridge.losses({"generate": one}) for one in (sequences, other))
    assert loss["generate"]["loss"] != changed["generate"]["loss"]
    optimizer = torch.optim.Adam([p for p in bridge.parameters() if p.requires_grad], lr=3e-3)
    losses = []
    for _ in range(12):
        value = bridge.training_step({"generate": sequences}, 0)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        losses.append(value.item())
    assert losses[-1] < 0.8 * losses[0]
    prompts = [prompt_tokens(words, "a red cat")] * 2
    config = SamplingConfig(flow_steps=2, chunk=2, prompt_length=8)
    latents = bridge.generate(prompts, [1, 2], config)
    assert latents.shape == (2, 16, 3)
    assert codec.decode(latents).shape == (2, SIDE, SIDE, 3)
