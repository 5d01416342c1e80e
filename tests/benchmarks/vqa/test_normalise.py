"""The word rules that VQAv2 and TextVQA share, traps included."""

import pytest

from benchmarks.vqa.normalise import (
    CONTRACTIONS,
    leave_one_out,
    normalise_textvqa,
    normalise_vqa,
    replace_punctuation,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("t-shirt", "t shirt"),  # the hyphen touches no space: it becomes one
        ("t- shirt", "t shirt"),  # it touches one: it goes
        ("a-b - c", "ab  c"),  # one of the hyphens touches a space: all go
        ("red/blue", "red blue"),
        ("1,000-2", "10002"),  # a comma between digits: every mark goes
        ("1, 2-3", "1 2 3"),  # this comma is not between digits; only it touches a space
        ("St. Louis.", "St Louis"),  # periods go
        ("2.5", "2.5"),  # but not before a digit
        (".5 m.", ".5 m"),
        ("it's", "it's"),  # the apostrophe is no mark here
        ("." * 40, "." * 8),  # 32 at most: 40 - 32 = 8
    ],
)
def test_marks_go_or_become_spaces(text, expected):
    assert replace_punctuation(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("None", "0"),  # "none" is a number word
        ("Two dogs", "2 dogs"),
        ("the a an", ""),  # articles go, and may leave nothing
        ("Eleven", "eleven"),  # ten is the last number
        ("DONT know", "don't know"),  # lower case comes first
        ("Im", "im"),  # the tables' "Im" can never be met in lower case
        ("couldnt've", "couldn't've"),
        ("yalld've", "yalld've"),  # two apostrophes short: not in the tables
        ("somebody'd", "somebodyd"),  # the one that the tables have the wrong way round
    ],
)
def test_words_become_what_is_compared(text, expected):
    assert normalise_vqa(text) == expected


def test_the_tables_hold_each_contraction_once_for_each_apostrophe_left_out():
    spellings = [key for key, word in CONTRACTIONS.items() if word == "y'all'd've"]
    assert sorted(spellings) == ["y'all'dve", "y'alld've", "yall'd've"]
    assert CONTRACTIONS["shant"] == "shan't"
    assert "let's" not in CONTRACTIONS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,000", "1000"),  # commas go before the marks, so other marks become spaces still
        ("1,000-2", "1000 2"),
        ("Why?", "why"),
        ("Levi's", "levi 's"),  # a possessive is a word of its own
        ("\n A\tcat ", "cat"),
    ],
)
def test_textvqa_has_rules_of_its_own(text, expected):
    assert normalise_textvqa(text) == expected


@pytest.mark.parametrize(
    ("matches", "expected"),
    [
        (0, 0.0),
        (1, 0.3),  # 1 x 0/3 + 9 x 1/3 = 3, of 10
        (2, 0.6),  # 2 x 1/3 + 8 x 2/3 = 6
        (3, 0.9),  # 3 x 2/3 + 7 x 1 = 9
        (4, 1.0),
        (10, 1.0),
    ],
)
def test_ten_annotators_mark_each_other_out(matches, expected):
    assert leave_one_out(matches, 10) == pytest.approx(expected, abs=1e-12)
