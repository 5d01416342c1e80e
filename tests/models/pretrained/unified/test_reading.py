"""Rows of tokens: what is predicted, who asks, and who is asked about, place by place.

Places are written out: `.` nothing, `i` an image's token, `p` a predicted one, `q` one that asks,
`k` one that is asked about.
"""

import pytest
import torch

from models.pretrained.unified.form import UnifiedForm
from tests.models.pretrained.unified.tiny import Told, asked, drawn, picture


def places(marks: torch.Tensor, letter: str) -> list[str]:
    return ["".join(letter if one else "." for one in row) for row in marks.tolist()]


def test_emu3_draws_visual_tokens_behind_the_plain_prompt_and_their_size(opened) -> None:
    form: UnifiedForm = opened("emu3")
    reading = form.read("generate", drawn("emu3"), [False, True])
    # <s> a dog <start> size <image token> v v end v v end </image> <end>; the prompt "" behind
    assert places(reading.is_image, "i") == ["......iiiiii..", "....iiiiii...."]
    assert places(reading.predicted, "p") == ["......pp.pp...", "....pp.pp....."]
    words = form.model.vocabulary_mapping
    assert reading.tokens[0, [8, 11]].tolist() == [words.eol_token_id] * 2
    visual = reading.tokens[reading.predicted]
    assert set(visual.tolist()) <= set(words.image_tokens)
    watch = reading.watch()
    assert places(watch.queries, "q") == ["......qqqqq...", "....qqqqq....."]
    assert places(watch.keys, "k") == [".kk...........", ".............."]
    assert watch.counted.tolist() == [True, False]


def test_emu3_reads_an_image_as_tokens_and_predicts_each_answer_with_its_end(opened) -> None:
    form: UnifiedForm = opened("emu3")
    row = Told(picture("emu3"), turns=(("a dog", "dog"), ("dog", "a a")))
    reading = form.read("understand", [row], [False])
    # <s> user : <start> size <image token>, the image, its two ends, a dog model :, dog </s>, ...
    image, answers = places(reading.is_image, "i")[0], places(reading.predicted, "p")[0]
    assert image == "." * 6 + "i" * 6 + "." * (len(image) - 12)
    assert answers.count("p") == 5
    assert answers.endswith("ppp")
    end = form.processor.tokenizer.eos_token_id
    assert reading.tokens[reading.predicted].tolist()[1::3] == [end, end]
    queries = places(reading.watch().queries, "q")[0]
    assert queries == answers[1:].replace("p", "q") + "."
    assert places(reading.watch().keys, "k")[0] == image.replace("i", "k")


def test_janus_draws_codes_behind_the_templates_prompt(opened) -> None:
    form: UnifiedForm = opened("janus")
    reading = form.read("generate", drawn("janus"), [False, True])
    # user : a dog model : <start>, then 16 codes; "user" and "model" are unknown to the tokenizer
    assert places(reading.is_image, "i") == ["." * 7 + "i" * 16, "." * 6 + "i" * 16 + "."]
    assert torch.equal(reading.predicted, reading.is_image)
    assert int(reading.tokens[reading.is_image].max()) < 12
    watch = reading.watch()
    assert places(watch.queries, "q") == ["." * 7 + "q" * 15 + ".", "." * 6 + "q" * 15 + ".."]
    assert places(watch.keys, "k") == [".kkk.k" + "." * 17, "." * 23]
    padding = form.processor.tokenizer.pad_token_id
    assert reading.tokens[1, :5].tolist() == [padding] * 5


def test_janus_sees_an_image_through_its_encoder_and_a_text_alone_does_not_count(opened) -> None:
    form: UnifiedForm = opened("janus")
    reading = form.read("understand", asked("janus"), [False] * 3)
    assert reading.is_image.sum(1).tolist() == [16, 16, 0]
    assert reading.predicted.sum(1).tolist() == [5, 2, 2]
    assert list(reading.inputs) == ["pixel_values"]
    assert reading.inputs["pixel_values"].shape[0] == 2
    assert reading.watch().counted.tolist() == [True, True, False]


def test_an_image_with_a_caption_alone_is_asked_for_one(opened) -> None:
    form: UnifiedForm = opened("janus")
    reading = form.read("understand", [Told(picture("janus"), "a dog")], [False])
    end = form.processor.tokenizer.eos_token_id
    said = form.processor.tokenizer.convert_ids_to_tokens(reading.tokens[reading.predicted])
    assert said == ["a", "dog", form.processor.tokenizer.convert_ids_to_tokens(end)]


def test_a_conversation_ends_after_so_many_tokens_but_never_in_its_image(opened) -> None:
    form: UnifiedForm = opened("janus")
    whole = form.read("understand", asked("janus")[:1], [False])
    cut = form.read("understand", asked("janus")[:1], [False], 25)
    assert torch.equal(cut.tokens, whole.tokens[:, :25])
    with pytest.raises(ValueError, match="must leave room for an image of 16 tokens, got 18"):
        form.read("understand", asked("janus")[:1], [False], 18)


def test_a_sample_without_an_image_cannot_be_drawn(opened) -> None:
    with pytest.raises(ValueError, match="must have an image, got none"):
        opened("janus").read("generate", [Told(None, "a dog")], [False])
