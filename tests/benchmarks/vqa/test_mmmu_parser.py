"""MMMU's parser of free replies."""

import pytest

from benchmarks.vqa.mmmu_parser import matches_open, normalise, parse_choice, parse_open

OPTIONS = {"A": "apple pie", "B": "banana", "C": "cake"}


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("B", "B"),
        ("B.", "B"),  # marks at the ends go
        ("(B)", "B"),
        ("A. apple pie", None),  # the period is not at the end: " A " is not there
        ("A apple pie", "A"),
        ("The answer is (A), not B", "A"),  # brackets come before plain letters
        ("(A) or (C) or (B)", "B"),  # the last of several
        ("A or C then A", "A"),
        ("banana", None),  # five words or fewer: texts are not looked for
        ("It must be the BANANA there", "B"),  # six
        ("I say it is banana", None),  # exactly five
        ("first cake and then banana, and then apple pie too", "A"),
        ("b", None),
        ("", None),
        ("!B?", "B"),
        (".,B,.", None),  # commas go first, while periods stand outside them: ",B," is left
    ],
)
def test_a_choice_is_read_from_brackets_then_letters_then_texts(reply, letter):
    assert parse_choice(reply, "ABC", OPTIONS) == letter


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1,234.567", [1234.57]),  # two places
        (" .5 ", [0.5]),
        ("Paris", ["paris"]),
        ("X", [" x", "x "]),  # so that it is not met inside a word
        ("1e3", [1000.0]),
    ],
)
def test_an_answer_is_a_number_to_two_places_or_a_text(text, expected):
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("The answer is 42.", {42.0}),  # after "is " and "answer ": the shortest is "42"
        ("x = 3.14159", {3.14}),  # the tail and the number in it are the same number
        ("a = 2\nb = 5", {5.0}),  # "=" tells only in the last line
        # the plain form also takes what stands after the comma and after the e
        ("It costs 1,200 or 3e2", {"it costs 1,200 or 3e2", 1200.0, 300.0, 200.0, 2.0}),
        ("red", {"red"}),
        ("so .", {"so"}),  # the closing period goes, then no telltale has its space
        ("The colour is red\nThe shape is round", {"red", "round"}),
        ("-7 metres", {"-7 metres", -7.0}),
        ("12,5", {125.0, 5.0}),  # the whole without its comma; 12 stands before a comma
    ],
)
def test_an_open_reply_gives_tails_and_numbers(reply, expected):
    assert parse_open(reply) == expected


@pytest.mark.parametrize(
    ("found", "truth", "right"),
    [
        ({"it is a red car"}, "red", True),  # a text needs only to contain the answer
        ({"infrared"}, "Red", True),
        ({3.14}, "3.14159", True),
        ({3.0}, "three", False),
        ({"3.14"}, "3.14", False),  # a text is not held against a number
        ({"x"}, "x", False),  # a single letter wants a space beside it
        ({"it is x "}, "x", True),
        ({2.5}, ["a", "2.50"], True),  # any of several
    ],
)
def test_an_open_answer_is_right_by_number_or_by_part_of_a_text(found, truth, right):
    assert matches_open(found, truth) is right
