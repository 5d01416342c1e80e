"""Questions and answers in a model's own chat template, cut where its answers begin and end.

Every template renders turns its own way. What stands between two answers is what rendering one turn
more adds; so a conversation is cut without knowing the template.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

CAPTION_REQUEST = "Provide a one-sentence caption for the image:"
"""What an image with nothing but a caption is asked (UniFork, arXiv 2506.17202)."""

Turns = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Piece:
    """A part of a conversation; an answer is predicted, and its end with it."""

    text: str
    is_answer: bool


def pieces(processor: Any, turns: Turns, shown: bool) -> list[Piece]:
    """The parts of a conversation in order: question, answer, question, ..., answer. With `shown`,
    an image stands before the first question.

    Raises ValueError for an empty answer, and for a template that does not keep earlier turns as
    they were.
    """
    turns = [(question.strip(), answer.strip()) for question, answer in turns]
    if not all(answer for _, answer in turns):
        raise ValueError(f"every answer must have words, got {turns}.")
    asked = [*(question for question, _ in turns), ""]
    texts = [render(processor, turns[:n], asked[n], shown) for n in range(len(asked))]
    parts = [Piece(texts[0], False)]
    for (before, after), (_, answer) in zip(pairwise(texts), turns, strict=True):
        said, found, between = after.removeprefix(before).partition(answer)
        if not after.startswith(before) or not found or said.strip():
            raise ValueError(
                "a chat template must keep earlier turns, the answer right behind its prompt, "
                f"got {after!r} for {answer!r} behind {before!r}."
            )
        between = between.removeprefix(processor.tokenizer.eos_token)
        parts += [Piece(said + answer, True), Piece(between, False)]
    return parts[:-1]


def render(processor: Any, turns: Turns, question: str, shown: bool) -> str:
    """Turns and a question, up to where the answer begins."""
    texts = [*(text for turn in turns for text in turn), question]
    contents: list[list[dict[str, str]]] = [[{"type": "text", "text": text}] for text in texts]
    if shown:
        contents[0].insert(0, {"type": "image"})
    messages = [
        {"role": ("user", "assistant")[number % 2], "content": content}
        for number, content in enumerate(contents)
    ]
    return processor.apply_chat_template(messages, add_generation_prompt=True)
