"""Images between model, disk and judge."""

from typing import ClassVar

import numpy as np
import pytest
from PIL import ExifTags, Image

from benchmarks.images import BATCH, draw, image_batches, read_image, write_image
from benchmarks.protocol import Request


class Drawer:
    """Draws what it is told to, and counts how it was asked."""

    protocol: ClassVar[dict] = {}

    def __init__(self, image):
        self.image, self.sizes = image, []

    def generate(self, requests):
        self.sizes.append(len(requests))
        return [self.image for _ in requests]

    def answer(self, requests):
        return ["" for _ in requests]


def test_images_survive_the_disk_unchanged(tmp_path):
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    write_image(tmp_path / "deep" / "image.png", image)
    assert np.array_equal(read_image(tmp_path / "deep" / "image.png"), image)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_picture_that_lies_on_its_side_is_read_upright(suffix, tmp_path):
    stored = Image.new("RGB", (48, 16), "red")
    stored.paste("blue", (0, 0, 16, 16))  # on the left
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # to be shown turned clockwise: left becomes top
    stored.save(tmp_path / f"lies.{suffix}", exif=exif)
    seen = read_image(tmp_path / f"lies.{suffix}")
    assert seen.shape == (48, 16, 3)
    assert seen[8, 8].argmax() == 2
    assert seen[40, 8].argmax() == 0


def test_a_model_is_asked_a_batch_at_a_time():
    model = Drawer(np.zeros((2, 2, 3), np.uint8))
    assert len(list(draw(model, [Request("a dog")] * (BATCH + 1)))) == BATCH + 1
    assert model.sizes == [BATCH, 1]


@pytest.mark.parametrize(
    "image", [np.zeros((2, 2, 3), np.float32), np.zeros((2, 2), np.uint8)], ids=["float", "grey"]
)
def test_anything_but_a_colour_image_of_bytes_is_refused(image):
    with pytest.raises(ValueError, match=r"an image must be uint8 \[h, w, 3\], got"):
        list(draw(Drawer(image), [Request("a dog")]))


def test_missing_and_truncated_images_are_left_out_for_the_caller_to_count(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
    for name in ("good.png", "cut.png"):
        write_image(tmp_path / name, noise)
    whole = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.png").write_text("no image")
    Image.fromarray(noise).save(tmp_path / "odd.png", exif=b"Exif\0\0no such thing")
    names = ["cut.png", "good.png", "none.png", "odd.png", "text.png"]
    assert [readable for readable, _ in image_batches(tmp_path, names)] == [["good.png"]]
