"""An exported arm draws from pictures where it was taught to, and is refused where not."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.abilities import require_pictures
from benchmarks.protocol import Request
from experiments.__main__ import main
from experiments.conditioned.model import MORE_WORDS, MOST_IMAGES
from experiments.sharing.benchmarks_command import open_model
from experiments.sharing.picture_arm import PictureArm, prepared
from models.sampling import SamplingConfig
from models.text_tokens import BEGIN_IMAGE, END_IMAGE, GENERATE
from tests.benchmarks.dreambench.data_set import write_data

RED, BLUE = (np.full((32, 32, 3), colour, np.uint8) for colour in ((200, 0, 0), (0, 0, 200)))


@pytest.fixture
def taught(folder: Path, tmp_path: Path) -> PictureArm:
    """The arm as if its prompts had held pictures."""
    copy = shutil.copytree(folder, tmp_path / "taught")
    config = json.loads((copy / "config.json").read_text())
    config["conditioned"]["prompts"] = "pictures"
    (copy / "config.json").write_text(json.dumps(config))
    return open_model(str(copy))


def test_an_arm_that_was_taught_with_pictures_draws_from_them(
    taught: PictureArm, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_pictures(taught, "a test")
    codes = [5, *[7] * 15]
    monkeypatch.setattr(
        taught.tokenizer, "encode", lambda images: torch.tensor([codes] * len(images))
    )
    read, generate = [], taught.module.generate

    def reading(prompts, seeds, sampling):
        read.extend(prompts)
        return generate(prompts, seeds, sampling)

    monkeypatch.setattr(taught.module, "generate", reading)
    image, same, _ = taught.generate(
        [
            Request("a photo of a dog", (RED,)),
            Request("<image> a photo of a dog", (BLUE,)),
            Request("a photo of a dog"),
        ]
    )
    shown = [len(taught.words) + code for code in codes]
    text = taught.words.encode("a photo of a dog")
    assert read[0] == [GENERATE, BEGIN_IMAGE, *shown, END_IMAGE, *text, BEGIN_IMAGE]
    assert read[2] == [GENERATE, *text, BEGIN_IMAGE]
    assert image.shape == (32, 32, 3)
    np.testing.assert_array_equal(image, same)


def test_a_prompt_has_room_for_its_pictures_beside_twice_a_captions_words(
    taught: PictureArm,
) -> None:
    words = MORE_WORDS * SamplingConfig().prompt_length - len((GENERATE, BEGIN_IMAGE))
    [image] = taught.generate([Request(" ".join(["dog"] * words), (RED,) * MOST_IMAGES)])
    assert image.shape == (32, 32, 3)


def test_a_picture_of_any_size_is_cut_to_the_middle_square_that_the_arm_knows() -> None:
    wide = np.zeros((64, 192, 3), np.uint8)
    wide[:, 64:128] = 255
    request = prepared(Request("a dog", (wide, RED)), 32)
    assert request.text == "<image> <image> a dog"
    assert request.images[0].shape == (32, 32, 3)
    assert (request.images[0][:, 1:-1] == 255).all()  # but for the edge's blur
    np.testing.assert_array_equal(request.images[1], RED)
    assert prepared(Request("a dog on <image>", (RED,)), 32).text == "a dog on <image>"


def test_an_arm_that_was_taught_with_captions_alone_is_refused_by_the_command(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    assert not isinstance(open_model(str(folder)), PictureArm)
    words = ["benchmarks", "generate", "dreambench", "--model", f"arm:{folder}"]
    words += ["--data", str(write_data(tmp_path / "dataset")), "--out", str(tmp_path / "out")]
    assert main(words) == 2
    assert "must draw from images in its prompt for dreambench" in capsys.readouterr().err
