"""Tiny random CLIP and a real sentence encoder embed pictures and captions."""

from pathlib import Path

import numpy as np
import pytest

from datamodules.mining.encoders import PageEncoder
from tests.benchmarks.judges.tiny import save_clip


def test_an_encoder_of_clips_form_sees_pictures_and_reads_captions(tmp_path: Path) -> None:
    encoder = PageEncoder(str(save_clip(tmp_path / "clip")), "cpu")
    assert encoder.sees
    texts = encoder.captions(["a dog", "a cat", "a dog"])
    dice = np.random.default_rng(0)
    images = [dice.integers(0, 256, (20, 30, 3), dtype=np.uint8) for _ in range(2)]
    seen = encoder.pictures([*images, images[0]])
    for vectors in (texts, seen):
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
        np.testing.assert_allclose(vectors[0], vectors[2], atol=1e-5)
        assert not np.allclose(vectors[0], vectors[1])
    assert texts.shape[1] == seen.shape[1]


def test_a_caption_has_one_vector_whatever_it_is_padded_with(minilm: PageEncoder) -> None:
    assert not minilm.sees
    alone = minilm.captions(["a red dog"])
    beside = minilm.captions(["a red dog", "a very long caption about many other things"])
    np.testing.assert_allclose(alone[0], beside[0], atol=1e-5)


def test_captions_are_embedded_all_however_many_go_at_once(
    minilm: PageEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = ["a dog", "a cat", "a red dog", "a bus", "a blue bus"]
    together = minilm.captions(texts)
    monkeypatch.setattr("datamodules.mining.encoders.AT_ONCE", 2)
    np.testing.assert_allclose(minilm.captions(texts), together, atol=1e-5)


def test_a_caption_longer_than_the_encoder_reads_is_cut(minilm: PageEncoder) -> None:
    longest = minilm.model.config.max_position_embeddings
    cut, longer = minilm.captions(["dog " * longest, "dog " * longest + "cat"])
    np.testing.assert_allclose(cut, longer, atol=1e-5)
