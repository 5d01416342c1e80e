"""Each rule on a picture of known parts: what is kept, what is lost, what is added."""

import numpy as np
import pytest

from datamodules.pairs.crops import square
from datamodules.pairs.samples import BrokenSampleError

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.fixture
def wide() -> np.ndarray:
    """8 high and 24 wide: thirds of red, green and blue."""
    image = np.zeros((8, 24, 3), dtype=np.uint8)
    for place, colour in enumerate((RED, GREEN, BLUE)):
        image[:, 8 * place : 8 * place + 8] = colour
    return image


def test_centre_keeps_the_middle_at_its_shape(wide: np.ndarray) -> None:
    found = square(wide, 8, "centre")
    assert (found == GREEN).all()


def test_pad_keeps_everything_between_grey_bars(wide: np.ndarray) -> None:
    found = square(wide, 24, "pad")
    assert (found[:8] == 127).all()
    assert (found[16:] == 127).all()
    assert (found[8:16] == wide).all()


@pytest.mark.parametrize("shape", [(1, 16, 3), (16, 1, 3)])
def test_pad_finds_a_picture_broken_that_would_have_no_side_left(shape: tuple[int, ...]) -> None:
    line = np.zeros(shape, dtype=np.uint8)
    assert (square(line, 9, "pad") == 0).any()
    with pytest.raises(BrokenSampleError, match=r"must be a pixel wide in 8, got (16 x 1|1 x 16)"):
        square(line, 8, "pad")


def test_stretch_keeps_everything_and_no_shape(wide: np.ndarray) -> None:
    found = square(wide, 24, "stretch")
    assert (found[:, 2] == RED).all()
    assert (found[:, 12] == GREEN).all()
    assert (found[:, 21] == BLUE).all()


@pytest.mark.parametrize("crop", ["centre", "pad", "stretch"])
def test_a_square_of_the_right_size_stays_as_it_is(crop: str) -> None:
    image = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    np.testing.assert_array_equal(square(image, 16, crop), image)


def test_shrinking_averages_over_the_whole_footprint_of_a_pixel() -> None:
    stripes = np.zeros((64, 64, 3), dtype=np.uint8)
    stripes[:, ::2] = 255  # point sampling would give all black or all white
    found = square(stripes, 8, "centre")
    assert abs(found.astype(int) - 127.5).max() < 6
