"""Stored pictures of any mode become the pixels that they show, or are named as broken."""

import io

import numpy as np
import pytest
from PIL import Image

from datamodules.pairs.samples import BrokenSampleError, decoded
from tests.datamodules.pairs.shards_in_use import png


def stored(image: Image.Image, form: str = "PNG", **more) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=form, **more)
    return buffer.getvalue()


def test_sixteen_bits_of_grey_become_their_upper_eight() -> None:
    grey = Image.fromarray(np.array([[0, 0x20FF], [0x8000, 0xFFFF]], dtype=np.uint16))
    for form in ("PNG", "TIFF"):
        assert decoded(stored(grey, form))[..., 0].tolist() == [[0, 0x20], [0x80, 0xFF]]


@pytest.mark.parametrize("kind", [np.int32, np.float32])
def test_a_picture_in_numbers_without_a_known_white_is_broken(kind: type) -> None:
    numbers = Image.fromarray(np.zeros((2, 2), dtype=kind))
    with pytest.raises(BrokenSampleError, match=r"^an image must have 8 or 16 bits, got the mode"):
        decoded(stored(numbers, "TIFF"))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "CMYK"])
def test_a_picture_of_any_mode_becomes_the_same_colours(mode: str) -> None:
    image = Image.fromarray(np.repeat(np.uint8([0, 255]), 96).reshape(8, 8, 3)).convert(mode)
    found = decoded(stored(image, "TIFF"))
    assert (found[:4] == 0).all()
    assert (found[4:] == 255).all()


def test_a_colour_that_stands_for_transparent_becomes_white() -> None:
    image = Image.fromarray(np.uint8([[[7, 8, 9], [1, 2, 3]]]))
    found = decoded(stored(image, transparency=(7, 8, 9)))
    assert found.tolist() == [[[255, 255, 255], [1, 2, 3]]]


def test_a_picture_with_a_damaged_orientation_is_broken() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "hello"
    whole = stored(Image.new("RGB", (8, 8)), "JPEG", exif=exif)
    damaged = whole.replace(b"\x01\x0e\x00\x02", b"\x01\x00\x00\x02")  # a width in letters
    assert decoded(whole).shape == (8, 8, 3)
    with pytest.raises(BrokenSampleError, match="an image must be whole, got "):
        decoded(damaged)


def test_a_damaged_picture_of_a_decoder_with_errors_of_its_own_is_broken() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    head, mark, pixels = stored(Image.fromarray(noise), "AVIF").partition(b"mdat")
    with pytest.raises(BrokenSampleError, match="an image must be whole, got "):
        decoded(head + mark + bytes(len(pixels)))


def test_a_picture_too_large_to_unpack_safely_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10)
    with pytest.raises(BrokenSampleError, match=r"must be whole, got .*decompression bomb"):
        decoded(png(0))
