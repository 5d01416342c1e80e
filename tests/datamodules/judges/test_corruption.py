import numpy as np
import torch

from datamodules.world import Scene
from datamodules.world.judges.corruption import (
    cosine_basis,
    empty_images,
    quantise_blocks,
)
from tests.datamodules.judges.reconstruction import reconstruct_roughly


def test_the_cosine_basis_is_orthonormal():
    basis = cosine_basis(4)
    torch.testing.assert_close(basis @ basis.T, torch.eye(4))


def test_quantising_by_almost_nothing_gives_the_images_back():
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    same = quantise_blocks(images, torch.full((2,), 1e-5))
    torch.testing.assert_close(same, images, atol=1e-4, rtol=0)


def test_the_stand_in_loses_as_much_as_a_small_tokenizer(clean: tuple[np.ndarray, list[Scene]]):
    images, _ = clean
    error = (images / 255 - reconstruct_roughly(images) / 255) ** 2
    assert 28 < -10 * np.log10(error.mean()) < 32


def test_empty_images_depend_on_the_generator_alone():
    images = torch.rand(20, 3, 32, 32)
    drawn = [empty_images(images, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert drawn[0].shape == images.shape
