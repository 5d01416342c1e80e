"""Chameleon, whose class answers and does not draw, by a tiny checkpoint in its real format."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.adapters.image_text import ImageTextModel
from benchmarks.protocol import Request
from benchmarks.registry import open_model
from tests.benchmarks.adapters.tiny_chameleon import CODES, IMAGE_TOKENS, save_chameleon

PICTURE = np.random.default_rng(0).integers(0, 255, (9, 7, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ImageTextModel:
    folder: Path = save_chameleon(tmp_path_factory.mktemp("hf") / "tiny-chameleon")
    return open_model(f"hf:{folder}?max_tokens=5")


def test_it_answers_about_one_picture_several_or_none_whatever_is_asked_beside(model):
    requests = [
        Request("is there a dog", (PICTURE,)),
        Request("a dog", (PICTURE, 255 - PICTURE)),
        Request("a dog"),
        Request("a", (255 - PICTURE,)),
    ]
    together = model.answer(requests)
    assert together == [model.answer([one])[0] for one in requests]
    assert len(set(together)) > 1


def test_a_picture_is_read_as_so_many_codes_between_its_marks(model):
    batch = model.batch(model.reader.prompt(1, "is there a dog"), PICTURE)
    tokens = model.reader.processor.tokenizer.convert_ids_to_tokens(batch["input_ids"][0])
    picture = ["<racm3:break>", *["<image>"] * IMAGE_TOKENS, "<eoss>"]
    assert tokens == [*picture, "is", "there", "a", "dog", "<reserved08706>"]
    codes = model.reader.model.get_image_tokens(batch["pixel_values"])
    names = model.reader.processor.tokenizer.convert_ids_to_tokens(codes[0])
    assert len(names) == IMAGE_TOKENS
    assert set(names) <= set(CODES)


def test_its_replies_hold_no_codes_and_it_does_not_draw(model):
    replies = model.answer([Request("is there a dog", (PICTURE,))])
    assert not any(code in replies[0] for code in CODES)
    with pytest.raises(ValueError, match="asked for images, got ChameleonForConditionalGeneration"):
        model.generate([Request("a dog")])
