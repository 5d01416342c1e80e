"""How the VQA evaluators rewrite an answer before they compare it, and how ten annotators mark it.

VQAv2 (Goyal et al. 2017, arXiv 1612.00837) and TextVQA (Singh et al. 2019, arXiv 1904.08920) share
these rules, the odd ones included: "none" becomes 0, a comma between digits anywhere deletes every
mark, and at most 32 periods go.
"""

import re
from functools import lru_cache

ANNOTATORS = 10
AGREEING = 3
"""How many other annotators must have given an answer for the full mark."""

_PUNCTUATION = frozenset(';/[]"{}()=+\\_-><@`,?!')
_COMMA_IN_NUMBER = re.compile(r"\d,\d")
_PERIOD = re.compile(r"\.(?!\d)")
_PERIODS_REMOVED = 32
"""The evaluators hand `re.UNICODE` (32) to the place of the count."""
_ARTICLES = frozenset({"a", "an", "the"})
_WORDS = "zero one two three four five six seven eight nine ten"
_NUMBERS = {"none": "0", **{word: str(number) for number, word in enumerate(_WORDS.split())}}

_CONTRACTED = """
ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't
haven't he'd he'd've he's how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've
might've mustn't must've needn't not've o'clock oughtn't 'ow's'at shan't she'd've should've
shouldn't shouldn't've somebody'd've somebody'll somebody's someone'd someone'd've someone'll
someone's something'd something'd've something'll that's there'd there'd've there're there's they'd
they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll what're what's what've
when's where'd where's where've who'd who'd've who'll who's who've why'll why're why's won't
would've wouldn't wouldn't've y'all y'all'll y'all'd've you'd you'd've you'll you're you've
"""


def _spellings(word: str) -> list[str]:
    """Return what is taken for a contraction: `word` with one of its apostrophes left out."""
    return [word[:at] + word[at + 1 :] for at, letter in enumerate(word) if letter == "'"]


CONTRACTIONS = {
    **{spelling: word for word in _CONTRACTED.split() for spelling in _spellings(word)},
    "somebody'd": "somebodyd",  # the tables have this one the wrong way round
}


def replace_punctuation(text: str) -> str:
    """Return `text` with each mark deleted or replaced by a space, and without closing periods.

    A mark is deleted everywhere if it touches a space anywhere, or if a comma stands between two
    digits anywhere.
    """
    if marks := _PUNCTUATION.intersection(text):
        number = _COMMA_IN_NUMBER.search(text) is not None
        table = {
            ord(mark): "" if number or f"{mark} " in text or f" {mark}" in text else " "
            for mark in marks
        }
        text = text.translate(table)
    return _PERIOD.sub("", text, count=_PERIODS_REMOVED)


def replace_words(text: str) -> str:
    """Return `text` in lower case with number words as digits, no articles, and apostrophes put
    into contractions.
    """
    words = (_NUMBERS.get(word, word) for word in text.lower().split())
    return " ".join(CONTRACTIONS.get(word, word) for word in words if word not in _ARTICLES)


@lru_cache(maxsize=1 << 16)
def normalise_vqa(text: str) -> str:
    """Return an answer as VQAv2's evaluator compares it."""
    return replace_words(replace_punctuation(text))


@lru_cache(maxsize=1 << 16)
def normalise_textvqa(text: str) -> str:
    """Return an answer as TextVQA's evaluator compares it: commas and question marks go first, and
    a possessive becomes a word of its own.
    """
    text = text.lower().replace(",", "").replace("?", "").replace("'s", " 's").strip()
    return normalise_vqa(text.replace("\n", " ").replace("\t", " ").strip())


def one_line(text: str) -> str:
    """Return `text` on one line, without space around it; inner runs of spaces stay."""
    return text.replace("\n", " ").replace("\t", " ").strip()


def leave_one_out(matches: int, annotators: int) -> float:
    """Return the mean over annotators of min(1, matching others / 3)."""
    seen_by_matching = min(1.0, (matches - 1) / AGREEING)
    seen_by_others = min(1.0, matches / AGREEING)
    total = matches * seen_by_matching + (annotators - matches) * seen_by_others
    return total / annotators
