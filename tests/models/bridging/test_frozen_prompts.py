"""How prompts are told to a frozen model."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tokenizers.processors import TemplateProcessing
from transformers import AutoProcessor, AutoTokenizer

from models.bridging.frozen_prompts import ChatEncoder, Prompt
from tests.models.bridging.conftest import LOOKING, TEXTS

Checkpoint = Callable[[str], Path]


def encoder(checkpoint: Checkpoint, form: str, system: str = "") -> ChatEncoder:
    kind = AutoTokenizer if form == "causal" else AutoProcessor
    return ChatEncoder(kind.from_pretrained(checkpoint(form)), system)


def test_a_text_stands_in_the_models_own_template_up_to_its_reply(checkpoint: Checkpoint) -> None:
    plain, brief = (encoder(checkpoint, "causal", system) for system in ("", "be brief"))
    assert plain.rendered(TEXTS[0]) == "<user> a red cat <reply>"
    assert brief.rendered(TEXTS[0]) == "be brief <user> a red cat <reply>"
    batch = brief(TEXTS[:2])
    said = brief.tokenizer.convert_ids_to_tokens
    assert " ".join(said(batch["input_ids"][1])) == "be brief <user> The dog <reply> <pad>"
    assert batch["attention_mask"].tolist() == [[1] * 7, [1] * 6 + [0]]


def test_images_stand_before_the_text_of_their_turn(checkpoint: Checkpoint) -> None:
    seeing = encoder(checkpoint, "internvl")
    assert seeing.rendered(LOOKING[0]) == "<user> <IMG_CONTEXT> a cat <reply>"
    batch = seeing([LOOKING[1], Prompt("a red dog", LOOKING[1].images)])
    said = seeing.tokenizer.convert_ids_to_tokens(batch["input_ids"][0])
    sight = "<img> <IMG_CONTEXT> <IMG_CONTEXT> <IMG_CONTEXT> <IMG_CONTEXT> </img>"
    assert " ".join(said) == f"<user> {sight} dog <reply> <pad> <pad>"
    assert len(batch["pixel_values"]) == 2


def test_a_checkpoint_without_a_template_gets_the_system_text_and_the_text(
    checkpoint: Checkpoint,
) -> None:
    plain = encoder(checkpoint, "causal", "be brief")
    plain.processor.chat_template = None
    assert plain.rendered(TEXTS[0]) == "be brief\na red cat"
    seeing = encoder(checkpoint, "smolvlm")
    seeing.processor.chat_template = None
    assert seeing.rendered(LOOKING[2]) == "<image><image>a dog of cat"


def test_no_text_at_all_is_told_by_one_opening_token(checkpoint: Checkpoint) -> None:
    plain = encoder(checkpoint, "causal")
    plain.processor.chat_template = None
    tokens = plain([Prompt(""), Prompt("cat")])["input_ids"]
    said = [plain.tokenizer.convert_ids_to_tokens(row) for row in tokens]
    assert said == [["<s>"], ["cat"]]


def test_a_tokenizer_that_opens_texts_by_itself_opens_each_once_and_none_in_a_template(
    checkpoint: Checkpoint,
) -> None:
    told = encoder(checkpoint, "causal")
    opened = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    told.tokenizer.backend_tokenizer.post_processor = opened
    assert told.tokenizer.decode(told([Prompt("cat")])["input_ids"][0]) == "<user> cat <reply>"
    told.processor.chat_template = None
    tokens = told([Prompt(""), Prompt("cat")])["input_ids"]
    assert [told.tokenizer.decode(row) for row in tokens] == ["<s> <pad>", "<s> cat"]


def test_the_head_is_what_texts_open_with_whatever_they_say(checkpoint: Checkpoint) -> None:
    for form in ("causal", "smolvlm"):
        brief = encoder(checkpoint, form, "be brief")
        assert brief.tokenizer.decode(brief.head()) == "be brief <user>"
    plain = encoder(checkpoint, "causal")
    plain.processor.chat_template = None
    assert plain.head() == []


def test_an_image_for_a_text_model_is_refused(checkpoint: Checkpoint) -> None:
    with pytest.raises(ValueError, match="a prompt to a text model must have no image, got 1"):
        encoder(checkpoint, "causal")(LOOKING[:1])


def test_a_key_tells_texts_and_pixels_and_shapes_apart() -> None:
    zeros = np.zeros((2, 4, 3), dtype=np.uint8)
    ones, turned = zeros + 1, zeros.transpose(1, 0, 2)
    prompts = [
        Prompt("a"),
        Prompt("b"),
        *(Prompt("a", (one,)) for one in (zeros, ones, turned)),
        Prompt("a", (zeros, ones)),
        Prompt("a", (ones, zeros)),
    ]
    assert len({prompt.key for prompt in prompts}) == len(prompts)
    assert Prompt("a", (zeros,)).key == Prompt("a", (zeros.copy(),)).key
