"""Conversations are cut where answers begin and end, whatever the template."""

from types import SimpleNamespace

import pytest

from models.pretrained.unified.conversation import Piece, pieces
from models.pretrained.unified.form import UnifiedForm

TURNS = (("a dog", "dog"), ("dog", "a a"))


def test_a_template_that_ends_answers_is_not_given_a_second_end(opened) -> None:
    form: UnifiedForm = opened("janus")
    assert pieces(form.processor, TURNS, shown=True) == [
        Piece(" user :<image> a dog model :", False),
        Piece(" dog", True),
        Piece(" user : dog model :", False),
        Piece(" a a", True),
    ]


def test_a_template_without_ends_gives_the_same_pieces(opened) -> None:
    form: UnifiedForm = opened("emu3")
    assert pieces(form.processor, TURNS, shown=False) == [
        Piece(" user : a dog model :", False),
        Piece(" dog", True),
        Piece(" user : dog model :", False),
        Piece(" a a", True),
    ]


def test_a_template_that_changes_earlier_turns_is_refused(opened) -> None:
    processor = opened("emu3").processor
    processor.chat_template = "{{ messages[-1]['content'][-1]['text'] }} model :"
    with pytest.raises(ValueError, match="chat template must keep earlier turns"):
        pieces(processor, TURNS, shown=False)


def test_an_answer_without_words_is_refused() -> None:
    with pytest.raises(ValueError, match="every answer must have words"):
        pieces(SimpleNamespace(), (("a dog", "  "),), shown=False)
