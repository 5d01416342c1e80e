"""Lettered options: how they are shown to a model, and how a reply is matched to one of them.

The matching rules are VLMEvalKit's (Duan et al. 2024, arXiv 2407.11691), which MMBench uses.
"""

import string
from collections.abc import Mapping, Sequence

LETTERS = string.ascii_uppercase
NONE_OF_THEM = "Z"
"""Stands for a refusal; never a right answer."""
LAST_WORDS = 4
"""A lone letter counts only among this many last words of a reply."""
_MARKS = str.maketrans(dict.fromkeys(".()[],:;!*#{}", " "))
_FAILURE = "Failed to obtain answer via API"
_REFUSALS = (
    "Sorry, I can't help with images of people yet.",
    "I can't process this file.",
    "I'm sorry, but without the image provided",
    "Cannot determine the answer",
)


def lettered(options: Sequence[str]) -> dict[str, str]:
    """Return options by letter; ValueError if there are more than letters."""
    if len(options) > len(LETTERS):
        raise ValueError(
            f"a question must have at most {len(LETTERS)} options, got {len(options)}."
        )
    return dict(zip(LETTERS, options, strict=False))


def shown(options: Mapping[str, str], form: str = "{letter}. {text}") -> str:
    """Return the options, one a line."""
    return "\n".join(form.format(letter=letter, text=text) for letter, text in options.items())


def match(reply: str, options: Mapping[str, str]) -> str | None:
    """Return the letter that a reply names, or else the one whose text it quotes; None if neither
    is clear, "Z" for a refusal.
    """
    return match_letter(reply, options) or match_text(reply, options)


def match_letter(reply: str, options: Mapping[str, str]) -> str | None:
    """Return the only letter of `options` that stands as a word of its own in a reply, if its first
    place is among the last words; "Z" for a refusal or for that letter without another.
    """
    if _FAILURE in reply:
        return None
    if any(refusal in reply for refusal in _REFUSALS):
        return NONE_OF_THEM
    words = reply.translate(_MARKS).split()
    named = [letter for letter in options if letter in words]
    if not named and NONE_OF_THEM in words:
        return NONE_OF_THEM
    if len(named) == 1 and words.index(named[0]) >= len(words) - LAST_WORDS:
        return named[0]
    return None


def match_text(reply: str, options: Mapping[str, str]) -> str | None:
    """Return the letter of the only option whose text a reply contains, case aside; None for a
    reply that is more than twice as long as all options together.
    """
    reply = reply.lower()
    if len(reply) > 2 * sum(map(len, options.values())):
        return None
    quoted = [letter for letter, text in options.items() if text.lower() in reply]
    return quoted[0] if len(quoted) == 1 else None
