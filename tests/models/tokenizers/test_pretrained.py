"""Pretrained tokenizers, opened from tiny checkpoints of the real formats."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from models.batch import pack_generate
from models.image_tokens import ImageTokenizerConfig
from models.text_tokens import TextTokens
from models.tokenizers.codec import Codec
from models.tokenizers.kinds import load_codec, new_codec, save_codec
from models.tokenizers.pixel_scale import read_scale
from tests.benchmarks.adapters.tiny_models import save_emu3, save_janus
from tests.models.tokenizers.checkpoints import (
    SIDE,
    chameleon_model,
    emu3_network,
    janus_network,
    save_chameleon,
    vqmodel_network,
)

IMAGES = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE, 3)).astype(np.uint8)
PIXELS = torch.from_numpy(IMAGES).permute(0, 3, 1, 2).float() / 127.5 - 1
CODES = {"janus": 12, "emu3": 10, "vqmodel": 14, "chameleon": 9}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("checkpoints")
    janus_network().save_pretrained(root / "janus")
    emu3_network().save_pretrained(root / "emu3")
    vqmodel_network().save_pretrained(root / "vqmodel")
    save_chameleon(root / "chameleon")
    return {kind: root / kind for kind in CODES}


def opened(kind: str, folder: Path, pixels: int = SIDE) -> Codec:
    return new_codec(ImageTokenizerConfig(kind=kind, path=str(folder), pixels=pixels))


@pytest.mark.parametrize("kind", CODES)
def test_an_image_becomes_codes_of_the_codebook_and_an_image_again(
    kind: str, folders: dict[str, Path]
) -> None:
    codec = opened(kind, folders[kind])
    codes = codec.encode(IMAGES)
    assert codes.shape == (3, codec.config.tokens_per_image) == (3, 16)
    assert codec.config.codes == CODES[kind] > codes.max()
    assert len(codes.unique()) > 1
    restored = codec.decode(codes)
    assert restored.shape == IMAGES.shape
    assert restored.dtype == np.uint8
    assert np.array_equal(codec.reconstruct(IMAGES), restored)


@torch.no_grad()
def test_codes_and_images_are_those_of_the_libraries(folders: dict[str, Path]) -> None:
    janus, emu3, vq = janus_network(), emu3_network(), vqmodel_network()
    sizes = torch.tensor([[SIDE, SIDE]] * 3)
    latents = vq.encode(PIXELS).latents
    wanted = {
        "janus": janus.encode(PIXELS).image_tokens,
        "emu3": torch.stack(emu3.encode(PIXELS, sizes).image_tokens),
        "vqmodel": vq.quantize(latents)[2][2],
        "chameleon": chameleon_model().model.vqmodel.encode(PIXELS).image_tokens,
    }
    codes = {kind: opened(kind, folders[kind]).encode(IMAGES) for kind in CODES}
    for kind, found in codes.items():
        assert torch.equal(found, wanted[kind].view(3, 16)), kind
    drawn = {
        "janus": janus.decode(codes["janus"]),
        "emu3": emu3.decode(codes["emu3"].view(3, 4, 4)),
        "vqmodel": vq.decode(latents).sample,
    }
    for kind, pixels in drawn.items():
        image = ((pixels + 1) * 127.5).round().clamp(0, 255).permute(0, 2, 3, 1).numpy()
        difference = opened(kind, folders[kind]).decode(codes[kind]) - image
        assert np.abs(difference).max() <= 1, kind  # a pixel may lie on the edge of rounding


@pytest.mark.parametrize(("kind", "save"), [("janus", save_janus), ("emu3", save_emu3)])
def test_a_whole_models_checkpoint_gives_its_tokenizer(
    kind: str, save: Callable[[Path], Path], tmp_path: Path
) -> None:
    codec = opened(kind, save(tmp_path / kind))
    settings = json.loads((tmp_path / kind / "config.json").read_text())["vq_config"]
    assert codec.config.codes == settings["num_embeddings" if kind == "janus" else "codebook_size"]
    assert codec.decode(codec.encode(IMAGES)).shape == IMAGES.shape


@pytest.mark.parametrize("kind", CODES)
def test_a_copy_of_the_tokenizer_codes_and_draws_alike(
    kind: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    codec = opened(kind, folders[kind])
    save_codec(codec, tmp_path)
    copy = load_codec(tmp_path)
    codes = codec.encode(IMAGES)
    assert torch.equal(copy.encode(IMAGES), codes)
    assert np.array_equal(copy.decode(codes), codec.decode(codes))
    assert copy.config == codec.config


@pytest.mark.parametrize("kind", CODES)
def test_each_code_is_nearest_to_its_own_vector(kind: str, folders: dict[str, Path]) -> None:
    codec = opened(kind, folders[kind])
    every = torch.arange(CODES[kind])[None]
    assert torch.equal(codec.nearest(codec.latents()[every]), every)
    assert codec.latents().var(0).mean() == pytest.approx(1, abs=1e-4)


def test_ids_follow_the_words_in_the_trunks_vocabulary(folders: dict[str, Path]) -> None:
    words, codec = TextTokens(("a", "cat")), opened("janus", folders["janus"])
    codes = codec.encode(IMAGES)[0].tolist()
    tokens = pack_generate(words, "a cat", codes).tokens
    assert [token - len(words) for token in tokens[-16:]] == codes
    assert max(tokens) < len(words) + codec.config.codes


def test_the_processor_beside_the_weights_scales_the_pixels(tmp_path: Path) -> None:
    network = janus_network()
    network.save_pretrained(tmp_path)
    said = {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.5, 0.6, 0.7], "rescale_factor": 0.01}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(said))
    codec = opened("janus", tmp_path)
    mean, deviation = (torch.tensor(said[f"image_{one}"])[:, None, None] for one in ("mean", "std"))
    pixels = (torch.from_numpy(IMAGES).permute(0, 3, 1, 2) * 0.01 - mean) / deviation
    wanted = network.encode(pixels).image_tokens.view(3, 16)
    assert torch.equal(codec.encode(IMAGES), wanted)
    assert np.array_equal(codec.scale.images(pixels), IMAGES)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ({"do_normalize": False, "image_mean": [0.5] * 3}, [0.0, 1.0]),
        ({"do_rescale": False, "image_mean": [5.0] * 3, "image_std": [10.0] * 3}, [-0.5, 25.0]),
        ({"image_mean": None, "image_std": None, "rescale_factor": None}, [-1.0, 1.0]),
    ],
)
def test_a_step_that_the_processor_leaves_out_is_left_out(
    said: dict, wanted: list, tmp_path: Path
) -> None:
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(said))
    scale, images = read_scale(tmp_path), np.array([0, 255], np.uint8)[None, None, :, None]
    pixels = scale.scaled(images.repeat(3, axis=-1))
    torch.testing.assert_close(pixels, torch.tensor(wanted).expand(1, 3, 1, 2))
    assert np.array_equal(scale.images(pixels), images.repeat(3, axis=-1))


def test_a_size_that_tokens_do_not_tile_is_refused(folders: dict[str, Path]) -> None:
    with pytest.raises(ValueError, match=r"tokenizer\.pixels must be a multiple of the 8 pixels"):
        opened("janus", folders["janus"], pixels=36)
    codec = opened("emu3", folders["emu3"], pixels=16)
    with pytest.raises(ValueError, match=r"tokenizer\.pixels=16 a side, got \(32, 32\)"):
        codec.encode(IMAGES)


def test_a_checkpoint_with_wrong_tensors_is_refused_and_all_are_named(tmp_path: Path) -> None:
    janus_network().save_pretrained(tmp_path)
    path = tmp_path / "model.safetensors"
    tensors = load_file(path)
    del tensors["quant_conv.bias"]
    tensors["more.weight"] = torch.zeros(1)
    tensors["post_quant_conv.bias"] = torch.zeros(5)
    save_file(tensors, path, {"format": "pt"})
    wrong = "missing quant_conv.bias, extra more.weight, post_quant_conv.bias of shape"
    with pytest.raises(ValueError, match=wrong):
        opened("janus", tmp_path)


def test_a_vqmodel_with_wrong_tensors_is_refused(tmp_path: Path) -> None:
    vqmodel_network().save_pretrained(tmp_path)
    path = tmp_path / "diffusion_pytorch_model.safetensors"
    tensors = load_file(path)
    tensors["more.weight"] = tensors.pop("quant_conv.bias")
    save_file(tensors, path, {"format": "pt"})
    with pytest.raises(ValueError, match=r"missing quant_conv\.bias, extra more\.weight"):
        opened("vqmodel", tmp_path)


@pytest.mark.parametrize("kind", ["janus", "vqmodel"])
def test_a_truncated_checkpoint_is_refused_by_its_files_name(
    kind: str, folders: dict[str, Path], tmp_path: Path
) -> None:
    for path in folders[kind].iterdir():
        whole = path.read_bytes()
        half = whole[: len(whole) // 2] if path.suffix == ".safetensors" else whole
        (tmp_path / path.name).write_bytes(half)
    with pytest.raises(ValueError, match=r"must hold whole files, got .*(model|for)"):
        opened(kind, tmp_path)


def test_chameleon_without_a_decoder_reads_images_and_says_that_it_cannot_draw(
    tmp_path: Path, folders: dict[str, Path]
) -> None:
    codec = opened("chameleon", save_chameleon(tmp_path, with_decoder=False))
    codes = codec.encode(IMAGES)
    assert torch.equal(codes, opened("chameleon", folders["chameleon"]).encode(IMAGES))
    with pytest.raises(ValueError, match="must hold a decoder where images are drawn"):
        codec.decode(codes)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "vqvae"}, r"tokenizer\.kind must be one of .*, got 'vqvae'"),
        ({"kind": "janus"}, r"tokenizer\.path must name a folder .*kind is janus, got ''"),
        ({"path": "x"}, r"tokenizer\.path must be empty where tokenizer\.kind is fsq, got 'x'"),
    ],
)
def test_a_kind_and_its_path_belong_together(fields: dict[str, str], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ImageTokenizerConfig(**fields)


def test_a_path_that_is_nowhere_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"tokenizer\.path must be a folder or a repository"):
        opened("emu3", tmp_path / "nowhere")
    emu3_network().config.save_pretrained(tmp_path / "empty")
    with pytest.raises(ValueError, match=r"must hold tensors as \.safetensors, got .*empty"):
        opened("emu3", tmp_path / "empty")
    with pytest.raises(ValueError, match=r"tokenizer\.path must hold a config\.json"):
        opened("emu3", tmp_path)
