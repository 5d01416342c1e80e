"""The bridge's drawings: squares of latents, which must fit the image, and the noise at first."""

from types import SimpleNamespace

import pytest
import torch

from models import frozen_bridge
from models.flow_matching import Conditions
from models.image_tokens import ImageTokenizer
from models.sampling import SamplingConfig
from models.text_tokens import BEGIN_IMAGE, GENERATE, UNPROMPTED
from models.unified import Vocabulary
from tests.models.conftest import CODEC, build_bridge


@pytest.mark.parametrize("patch", [1, 2, 4])
def test_a_drawing_has_every_code_of_the_image_whatever_the_squares(
    patch: int, vocabulary: Vocabulary, codec: ImageTokenizer
) -> None:
    bridge = build_bridge(vocabulary, codec, decoder_patch=patch).eval()
    codes = bridge.generate([[GENERATE, 9, BEGIN_IMAGE]], [0], SamplingConfig(chunk=1))
    assert codes.shape == (1, CODEC.tokens_per_image)
    assert torch.all((codes >= 0) & (codes < CODEC.codes))


def test_squares_that_do_not_tile_the_image_are_refused(
    vocabulary: Vocabulary, codec: ImageTokenizer
) -> None:
    with pytest.raises(ValueError, match=r"model\.decoder_patch must divide the image's 4 tokens"):
        build_bridge(vocabulary, codec, decoder_patch=3)
    with pytest.raises(ValueError, match=r"model\.decoder_patch must be at least 1, got 0"):
        build_bridge(vocabulary, codec, decoder_patch=0)


def test_the_temperature_scales_the_noise_that_a_drawing_starts_from(
    vocabulary: Vocabulary, codec: ImageTokenizer
) -> None:
    bridge = build_bridge(vocabulary, codec)
    bridge.model.decoder.forward = lambda noisy, **_: SimpleNamespace(sample=0 * noisy)
    cold, warm = (
        bridge.generate([[GENERATE, 9, BEGIN_IMAGE]], [0], SamplingConfig(chunk=1, temperature=one))
        for one in (1e-6, 1.0)
    )
    middle = codec.nearest(torch.zeros(1, CODEC.tokens_per_image, len(CODEC.levels)))
    assert torch.equal(cold, middle)
    assert not torch.equal(warm, middle)


def test_the_second_half_of_what_guides_a_drawing_has_no_prompt(
    vocabulary: Vocabulary, codec: ImageTokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bridge, seen = build_bridge(vocabulary, codec), []

    def follow(_: object, conditions: Conditions, noise: torch.Tensor, *__: float) -> torch.Tensor:
        seen.append(conditions.states)
        return noise.flatten(2).mT

    monkeypatch.setattr(frozen_bridge, "follow_flow", follow)
    prompt = [GENERATE, 9, BEGIN_IMAGE]
    for row, guidance in ((prompt, 2.0), (prompt, 1.0), (UNPROMPTED, 1.0)):
        bridge.generate([row], [0], SamplingConfig(chunk=1, guidance=guidance))
    guided, plain, free = seen
    torch.testing.assert_close(guided, torch.cat((plain, free)))
    assert not torch.allclose(plain, free)
