"""Every image is encoded once, whoever is killed or helps; and read back as it was written."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import diffusers
import numpy as np
import pytest
import torch

from datamodules.__main__ import main
from datamodules.pairs.deal import Rank
from datamodules.pairs.encoders import DiffusersEncoder
from datamodules.pairs.precompute import PrecomputeConfig, precompute
from datamodules.pairs.samples import BrokenSampleError, Sample
from datamodules.pairs.shards import PrecomputedSource
from datamodules.pairs.sources import SourceConfig, open_source
from tests.datamodules.pairs.shards_in_use import picture, write_folder, write_tar
from tests.datamodules.pairs.tiny_autoencoders import save

COUNT = 44
CONFIG = PrecomputeConfig(shard_size=8, batch=4, workers=2, max_broken=0.1)
ABOUT = {"path": "pictures"}


class Pictures:
    """`COUNT` plain pictures; number 5 is broken, number 6 is a text without one."""

    def __len__(self) -> int:
        return COUNT

    def name(self, index: int) -> str:
        return str(index)

    def read(self, index: int) -> Sample:
        if index == 5:
            raise BrokenSampleError("an image must be whole, got half.")
        image = None if index == 6 else picture(index)
        return Sample(str(index), image, f"picture {index}", (("what?", "this"),))


class Corner:
    """An image becomes its first pixel; says which images it has met; may die on the way."""

    label = "corner"

    def __init__(self, dies_after: int = COUNT) -> None:
        self.met: list[tuple[int, ...]] = []
        self.dies_after = dies_after

    def encode(self, images: np.ndarray) -> np.ndarray:
        if len(self.met) >= self.dies_after:
            raise KeyboardInterrupt
        self.met += [tuple(image[0, 0].tolist()) for image in images]
        return images[:, 0, 0].astype(np.int32)


def test_two_ranks_of_two_workers_encode_every_image_once_though_one_was_killed(
    tmp_path: Path,
) -> None:
    first, killed, second = Corner(), Corner(dies_after=9), Corner()
    precompute(Pictures(), ABOUT, first, tmp_path, CONFIG, Rank(0, 2))
    with pytest.raises(KeyboardInterrupt):
        precompute(Pictures(), ABOUT, killed, tmp_path, CONFIG, Rank(1, 2))
    with pytest.raises(ValueError, match=r"must hold 6 finished shards, got none of 3, 5\."):
        PrecomputedSource(tmp_path)
    ledger = precompute(Pictures(), ABOUT, second, tmp_path, CONFIG, Rank(1, 2))
    kept = killed.met[:8]  # of the shard that was finished; what was begun is made again
    images = [tuple(picture(n)[0, 0].tolist()) for n in range(COUNT) if n not in (5, 6)]
    assert Counter([*first.met, *kept, *second.met]) == Counter(images)
    assert ledger.read == 20
    found = PrecomputedSource(tmp_path)
    assert [found.name(index) for index in range(len(found))] == [
        str(n) for n in range(COUNT) if n != 5
    ]


def test_what_is_read_back_is_what_was_written(tmp_path: Path) -> None:
    ledger = precompute(Pictures(), ABOUT, Corner(), tmp_path, CONFIG)
    assert [(one.name, one.reason) for one in ledger.broken] == [
        ("5", "an image must be whole, got half.")
    ]
    found = PrecomputedSource(tmp_path)
    for index in (0, 4, 6, 42):
        sample = found.read(index)
        number = int(sample.name)
        assert sample.caption == f"picture {number}"
        assert sample.turns == (("what?", "this"),)
        assert sample.encoded.tolist() == picture(number)[0, 0].tolist()
    text = found.read(5)
    assert text.name == "6"
    assert text.encoded is None
    again = Corner()
    ledger = precompute(Pictures(), ABOUT, again, tmp_path, CONFIG)
    assert again.met == []
    assert (ledger.read, len(ledger.broken)) == (COUNT, 1)


def test_a_folder_keeps_to_one_source_and_one_encoder(tmp_path: Path) -> None:
    precompute(Pictures(), ABOUT, Corner(), tmp_path, CONFIG)
    with pytest.raises(ValueError, match=r"must be made with source .*, got {'path': 'other'}\."):
        precompute(Pictures(), {"path": "other"}, Corner(), tmp_path, CONFIG)
    other = Corner()
    other.label = "edge"
    with pytest.raises(ValueError, match=r"must be made with encoder corner, got edge\."):
        precompute(Pictures(), ABOUT, other, tmp_path, CONFIG)
    with pytest.raises(ValueError, match=r"must be made with shards 6, got 11\."):
        precompute(Pictures(), ABOUT, Corner(), tmp_path, replace(CONFIG, shard_size=4))


@pytest.mark.parametrize(("suffix", "part"), [(".npy", "whole array"), (".jsonl", "7 samples")])
def test_a_truncated_shard_is_named(tmp_path: Path, suffix: str, part: str) -> None:
    precompute(Pictures(), ABOUT, Corner(), tmp_path, CONFIG)
    path = tmp_path / f"00000{suffix}"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=rf"00000{suffix} must (be a|hold) {part}"):
        PrecomputedSource(tmp_path).read(0)


@pytest.mark.parametrize(
    ("suffix", "content", "part"),
    [
        (".npy", b"", "be a whole array"),
        (".jsonl", b"\0\n" * 7, "hold JSON: "),
        (".jsonl", b"\xff\n" * 7, "hold JSON: "),
        (".json", b"{}", r"hold samples, images, broken, got no samples\."),
        (".json", b"\xff", "hold a mapping in JSON"),
    ],
)
def test_a_damaged_shard_is_named(tmp_path: Path, suffix: str, content: bytes, part: str) -> None:
    precompute(Pictures(), ABOUT, Corner(), tmp_path, CONFIG)
    (tmp_path / f"00000{suffix}").write_bytes(content)
    with pytest.raises(ValueError, match=rf"00000{suffix} must {part}"):
        PrecomputedSource(tmp_path).read(0)


def test_a_folder_of_something_else_is_no_precomputed_one(tmp_path: Path) -> None:
    (tmp_path / "about.json").write_text("{}")
    with pytest.raises(ValueError, match=r"about\.json must hold source, .*, got no source\."):
        PrecomputedSource(tmp_path)


@pytest.mark.parametrize("name", ["about.json", "00000.json"])
def test_an_empty_file_about_shards_is_named(tmp_path: Path, name: str) -> None:
    precompute(Pictures(), ABOUT, Corner(), tmp_path, CONFIG)
    (tmp_path / name).write_text("")
    with pytest.raises(ValueError, match=rf"{name} must hold a mapping in JSON, got ''\."):
        PrecomputedSource(tmp_path)
    with pytest.raises(ValueError, match=rf"{name} must hold a mapping in JSON, got ''\."):
        precompute(Pictures(), ABOUT, Corner(), tmp_path, CONFIG)


def test_too_many_broken_samples_stop_the_work_and_leave_the_shard_unfinished(
    tmp_path: Path,
) -> None:
    strict = PrecomputeConfig(shard_size=8, batch=4, max_broken=0.02)
    with pytest.raises(ValueError, match=r"at most 2\.0% of 44 samples .* got 1 .* 5: an image"):
        precompute(Pictures(), ABOUT, Corner(), tmp_path, strict)
    assert not list(tmp_path.glob("0*.json"))


def test_sizes_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"shard_size must be a multiple of batch=64, got 100\."):
        PrecomputeConfig(shard_size=100)
    with pytest.raises(ValueError, match=r"ranks must not exceed the shards, 6, got 7\."):
        precompute(Pictures(), ABOUT, Corner(), tmp_path, CONFIG, Rank(0, 7))


def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), dtype=np.uint8)


def loaded(kind: str, folder: Path) -> tuple[DiffusersEncoder, torch.nn.Module, torch.Tensor]:
    """Our encoder, diffusers' own model, and the images as it takes them."""
    model = getattr(diffusers, kind).from_pretrained(save(kind, folder))
    pixels = torch.from_numpy(images()).permute(0, 3, 1, 2).float() / 127.5 - 1
    return DiffusersEncoder(str(folder), device="cpu"), model, pixels


def test_latents_are_the_scaled_ones_that_decode_to_what_diffusers_decodes(tmp_path: Path) -> None:
    encoder, model, pixels = loaded("AutoencoderKL", tmp_path / "kl")
    found = encoder.encode(images())
    assert found.shape == (2, 3, 4, 4)
    assert found.dtype == np.float16
    with torch.no_grad():
        mean = model.encode(pixels).latent_dist.mean
    np.testing.assert_allclose(found, (mean.numpy() - 0.25) * 0.5, atol=2e-3)
    encoder, model, pixels = loaded("AutoencoderDC", tmp_path / "dc")
    with torch.no_grad():
        latent = model.encode(pixels).latent
    np.testing.assert_allclose(encoder.encode(images()), latent.numpy() * 0.5, atol=2e-3)


def test_codes_are_those_of_the_nearest_vectors(tmp_path: Path) -> None:
    encoder, model, pixels = loaded("VQModel", tmp_path)
    found = encoder.encode(images())
    assert found.shape == (2, 16)
    with torch.no_grad():
        latents = model.encode(pixels).latents.flatten(2).transpose(1, 2)
        nearest = torch.cdist(latents, model.quantize.embedding.weight[None]).argmin(-1)
    assert found.tolist() == nearest.tolist()
    assert len(set(found.flatten().tolist())) > 1


def test_a_label_tells_weights_apart_and_not_places(tmp_path: Path) -> None:
    first = DiffusersEncoder(str(save("VQModel", tmp_path / "a")), device="cpu")
    assert first.label == DiffusersEncoder(str(save("VQModel", tmp_path / "b")), device="cpu").label
    changed = diffusers.VQModel.from_pretrained(tmp_path / "b")
    changed.quantize.embedding.weight.data[0, 0] += 1
    changed.save_pretrained(tmp_path / "b")
    assert first.label != DiffusersEncoder(str(tmp_path / "b"), device="cpu").label


def test_the_command_precomputes_a_mixed_folder_and_names_what_is_broken(
    tmp_path: Path, capsys
) -> None:
    meta = write_folder(tmp_path / "pictures", 5)
    (tmp_path / "pictures" / "people" / "id3.png").write_bytes(b"no picture")
    encoder, out = save("AutoencoderKL", tmp_path / "vae"), tmp_path / "out"
    options = ["precompute", str(out), "--form", "mjhq", "--path", str(meta), "--pixels", "8"]
    options += ["--images", str(meta.parent), "--encoder", str(encoder), "--crop", "pad"]
    options += ["--shard-size", "4", "--batch", "2", "--max-broken", "0.2"]
    main(options)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("broken: meta.json/id3: an image must be whole, got ")
    assert printed[1] == f"{out}: 5 samples read, 1 broken"
    source = open_source(SourceConfig(form="precomputed", path=str(out)), 8)
    assert [source.read(index).encoded.shape for index in range(4)] == [(3, 4, 4)] * 4
    assert json.loads((out / "about.json").read_text())["source"]["crop"] == "pad"
    with pytest.raises(SystemExit):
        main([*options, "--max-broken", "0.1"])
    assert "at most 10.0% of 5 samples may be broken, got 1" in capsys.readouterr().err


def test_mined_pairs_are_refused_as_their_reference_images_would_be_lost(
    tmp_path: Path, capsys
) -> None:
    options = ["precompute", str(tmp_path / "out"), "--form", "mined", "--path", "pairs.jsonl"]
    with pytest.raises(SystemExit):
        main([*options, "--pixels", "8", "--encoder", "vae"])
    assert "--form must be one of single images, got mined" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_images_have_a_side(tmp_path: Path, capsys) -> None:
    options = ["precompute", str(tmp_path / "out"), "--form", "mjhq", "--path", "meta.json"]
    with pytest.raises(SystemExit):
        main([*options, "--pixels", "0", "--encoder", "vae"])
    assert "--pixels must be at least 1, got 0." in capsys.readouterr().err


def test_tar_shards_are_precomputed_whole(tmp_path: Path) -> None:
    write_tar(tmp_path / "0.tar", range(9))
    source = open_source(SourceConfig(form="webdataset", path=str(tmp_path / "0.tar")), 4)
    precompute(source, {}, Corner(), tmp_path / "out", CONFIG)
    found = PrecomputedSource(tmp_path / "out")
    assert [found.read(n).encoded.tolist() for n in range(9)] == [
        picture(n)[0, 0].tolist() for n in range(9)
    ]
