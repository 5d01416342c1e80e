"""How MMMU's evaluator reads an answer from a free reply (Yue et al. 2023, arXiv 2311.16502).

Multiple choice: a letter in brackets, else a letter between spaces, else the text of an option in a
reply of more than five words; of several the last. Only marks at the ends of the reply are
stripped, so that "A. apple pie" names no letter. Open questions: the tails of sentences that tell a
result, with their numbers to two decimal places.
"""

import re
from collections.abc import Mapping, Sequence

Normal = float | str

FEW_WORDS = 5
_OUTER = ",.!?;:'"
_TELLTALES = (
    "could be ",
    "so ",
    "is ",
    "thus ",
    "therefore ",
    "final ",
    "answer ",
    "result ",
)
_EQUATION = "="
_TRIVIAL = frozenset(":,.!?;'")
_NUMBERS = (
    re.compile(r"-?\b\d{1,3}(?:,\d{3})+\b"),  # with commas at the thousands
    re.compile(r"-?\d+(?:\.\d+)?[eE][+-]?\d+"),  # scientific
    re.compile(r"-?(?:\d+\.\d+|\.\d+|\d+\b)(?![eE][+-]?\d+)(?![,\d])"),  # plain
)
DECIMALS = 2


def parse_choice(reply: str, letters: Sequence[str], options: Mapping[str, str]) -> str | None:
    """Return the letter that a reply means, None if no rule finds one."""
    for mark in _OUTER:
        reply = reply.strip(mark)
    reply = f" {reply} "
    for form in ("({})", " {} "):
        places = {name: reply.rfind(form.format(name)) for name in letters}
        if found := {name: place for name, place in places.items() if place >= 0}:
            return max(found, key=lambda name: found[name])
    if len(reply.split()) <= FEW_WORDS:
        return None
    reply = reply.lower()
    quoted = {
        name: reply.rfind(text.lower()) for name, text in options.items() if text.lower() in reply
    }
    return max(quoted, key=lambda name: quoted[name]) if quoted else None


def parse_open(reply: str) -> set[Normal]:
    """Return the texts and numbers that may be the answer of a reply to an open question."""
    keys = _key_parts(reply)
    numbers = [number for key in keys for form in _NUMBERS for number in form.findall(key)]
    return {normal for text in [*keys, *numbers] for normal in normalise(text)}


def _key_parts(reply: str) -> list[str]:
    """Return the shortest telling tail of each line, the whole reply if there is none."""
    reply = reply.strip().strip(".").lower()
    lines = reply.split("\n")
    tails = [
        _shortest_tail(line, last=number == len(lines)) for number, line in enumerate(lines, 1)
    ]
    return [tail for tail in tails if tail and tail not in _TRIVIAL] or [reply]


def _shortest_tail(line: str, last: bool) -> str:
    """Return the shortest text after a telltale of a line; in the last line "=" is one too."""
    shortest = ""
    for telltale in (*_TELLTALES, *([_EQUATION] if last else [])):
        if telltale in line:
            tail = line.split(telltale)[-1].strip()
            if not shortest or len(tail) < len(shortest):
                shortest = tail
    return shortest


def normalise(text: str) -> list[Normal]:
    """Return a text as a number to two decimal places if it is one, else in lower case; a single
    character gets a space on either side, so that it does not match inside a word.
    """
    text = text.strip()
    try:
        return [round(float(text.replace(",", "")), DECIMALS)]
    except ValueError:
        text = text.lower()
    return [f" {text}", f"{text} "] if len(text) == 1 else [text]


def matches_open(found: set[Normal], truth: str | Sequence[str]) -> bool:
    """Return whether a number found is a right answer, or a text found contains one."""
    truths = [truth] if isinstance(truth, str) else truth
    wanted = [normal for text in truths for normal in normalise(text)]
    texts = [text for text in wanted if isinstance(text, str)]
    return any(
        any(text in guess for text in texts) if isinstance(guess, str) else guess in wanted
        for guess in found
    )
