"""Residual codes: the codec, and the arithmetic of composed codes."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from models.image_tokens import to_pixels
from models.tokenizers.kinds import load_codec, save_codec
from models.tokenizers.residual import ResidualTokenizer
from models.tokenizers.residual_codes import join, split, summed
from tests.models.conftest import IMAGES, RESIDUAL

CODES = RESIDUAL.codes


def test_parts_of_a_code_are_its_digits() -> None:
    parts = torch.tensor([[3, 0, 11], [11, 11, 11]])
    codes = join(parts, 12)
    assert codes.tolist() == [3 + 11 * 144, 12**3 - 1]
    assert torch.equal(split(codes, 12, 3), parts)
    table = torch.arange(36.0)[:, None]
    assert summed(table, codes, 3)[:, 0].tolist() == [3 + 12 + 35, 11 + 23 + 35]
    assert summed(table, torch.tensor([30]), 1).tolist() == [[30.0]]


def test_codes_of_several_depths_stand_for_the_sum_of_their_vectors(
    residual: ResidualTokenizer,
) -> None:
    codes = residual.encode(IMAGES)
    assert codes.shape == (5, 16)
    assert codes.max() >= CODES  # deeper codes count
    with torch.no_grad():
        latents, _ = residual.quantiser(residual.encoder(to_pixels(IMAGES)))
        _, grid = residual(to_pixels(IMAGES))
    assert torch.equal(codes, grid.flatten(1))  # in raster order
    torch.testing.assert_close(residual.vectors(codes), latents.flatten(2).mT, atol=1e-5, rtol=0)


def test_each_depth_brings_the_vector_nearer(residual: ResidualTokenizer) -> None:
    wanted = torch.rand(2, 16, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    table = residual.latents()
    parts = split(residual.nearest(wanted), CODES, 3)
    errors = []
    for depths in (1, 2, 3):
        kept = join(parts[..., :depths], CODES)
        errors.append((summed(table[: depths * CODES], kept, depths) - wanted).square().mean())
    assert errors[0] > 2 * errors[1] > 4 * errors[2]


def test_a_saved_residual_tokenizer_codes_and_draws_alike(
    residual: ResidualTokenizer, tmp_path
) -> None:
    save_codec(residual, tmp_path)
    copy = load_codec(tmp_path)
    codes = residual.encode(IMAGES)
    assert torch.equal(copy.encode(IMAGES), codes)
    assert np.array_equal(copy.decode(codes), residual.reconstruct(IMAGES))
    assert np.array_equal(
        copy.decode(residual.nearest(summed(residual.latents(), codes, 3))), copy.decode(codes)
    )


def test_more_codes_than_a_number_holds_are_refused() -> None:
    with pytest.raises(ValueError, match=r"tokenizer\.depths must leave .* got 7 of 1000 codes"):
        ResidualTokenizer(replace(RESIDUAL, levels=(8, 5, 5, 5), depths=7))
