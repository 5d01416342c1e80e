"""Which option a reply means, by VLMEvalKit's rules."""

import pytest

from benchmarks.vqa.choices import lettered, match, shown

OPTIONS = {"A": "a red apple", "B": "a pear", "C": "two plums", "D": "nothing of these"}


@pytest.mark.parametrize(
    ("reply", "letter"),
    [
        ("B", "B"),
        ("(C).", "C"),
        ("**D**", "D"),
        ("The answer is B: pear", "B"),
        ("b", None),  # case counts
        ("A or B", None),  # two letters, and no option's text
        ("A pear", "A"),  # the letter comes before the text, even where it is an article
        ("B is what I see there", None),  # the first of six words: only the last four count
        ("B is what I see", None),  # the first of five
        ("B is what it", "B"),  # the first of four
        ("I see a pear", "B"),
        ("A PEAR or Two Plums", None),  # two texts
        ("Z", "Z"),
        ("Cannot determine the answer, B", "Z"),  # a refusal comes first
        ("Failed to obtain answer via API: B", None),
        ("", None),
    ],
)
def test_a_lone_letter_at_the_end_comes_before_a_lone_text(reply, letter):
    assert match(reply, OPTIONS) == letter


def test_a_text_in_a_long_reply_is_not_read():
    options = {"A": "cat", "B": "dog"}
    assert match("it is a cat!", options) == "A"  # 12 characters: twice 3 + 3
    assert match("it is a cat!!", options) is None  # 13


def test_options_are_lettered_and_shown_one_a_line():
    assert shown(lettered(["x", "y"])) == "A. x\nB. y"
    with pytest.raises(ValueError, match="at most 26 options, got 27"):
        lettered(["x"] * 27)
