"""The official reply parsers, formulas and categories, case by case from the rules."""

import pytest

from benchmarks.wise.protocols import LEGACY, VERIFIED, legacy_scores, verified_score, wiscore

NAMED = "Consistency: {}\nRealism: {}\nAesthetic Quality: {}"


def scores(consistency, realism, aesthetic):
    return {"consistency": consistency, "realism": realism, "aesthetic_quality": aesthetic}


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (NAMED.format(2, 1, 0), scores(2, 1, 0)),
        ("consistency 2 REALISM:1 aesthetic quality : 0", scores(2, 1, 0)),  # case, colon, space
        ("**Consistency**: 2\n**Realism** 1\n*Aesthetic Quality*: 0", scores(2, 1, 0)),
        ("Consistency\uff1a2\nRealism\uff1a1\nAesthetic Quality\uff1a0", scores(2, 1, 0)),
        ("Consistency:\n2\nRealism: 1\nAesthetic Quality: 0", scores(2, 1, 0)),  # over a line's end
        (NAMED.format(1.5, 10, 3), scores(1, 1, 3)),  # one digit is read, 3 is not checked
        (NAMED.format(0, 0, 0) + "\n" + NAMED.format(2, 1, 0), scores(2, 1, 0)),  # the last wins
        (NAMED.format(2, 1, 0) + "\nrealism: 2", scores(2, 2, 0)),
        ("2\n1\n0", scores(2, 1, 0)),
        ("scores:\n 2 \n1\n3\n0\n1", scores(2, 1, 0)),  # 3 is no bare score; the first three
        ("Consistency: 2\n1\n0\n2", scores(1, 0, 2)),  # named ones incomplete: bare lines alone
    ],
)
def test_three_scores_are_read(reply, expected):
    assert legacy_scores(reply) == expected


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "I cannot grade this.",
        "**Consistency:** 2\n**Realism:** 1\n**Aesthetic Quality:** 0",  # asterisks after the colon
        "Consistency: 2\nRealism: 1",
        "Consistency: two\nRealism: 1\nAesthetic Quality: 0",
        "Consistency: -1\nRealism: 1\nAesthetic Quality: 0",
        "Aesthetic  Quality: 0\nConsistency: 2\nRealism: 1",  # two spaces
        "2\n1",
        "2 1 0",
        "3\n4\n5",
    ],
)
def test_a_reply_that_lacks_a_score_is_not_read(reply):
    assert legacy_scores(reply) is None


def test_the_wiscore_weighs_seven_two_one_and_ends_at_one():
    assert wiscore(scores(2, 2, 2)) == pytest.approx(1.0)
    assert wiscore(scores(2, 1, 0)) == pytest.approx((0.7 * 2 + 0.2 * 1) / 2)  # 0.8
    assert wiscore(scores(0, 0, 2)) == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"reply": NAMED.format(2, 1, 0)}, 0.8),
        (scores(2, 1, 0), 0.8),
        (scores(1.5, 1, 0), 0.625),  # (1.05 + 0.2) / 2: numbers of a file are taken as they are
        (scores(3, 2, 2), 1.35),  # (2.1 + 0.4 + 0.2) / 2: the range is not checked
        (scores("2", 1, 0), None),
        (scores(None, 1, 0), None),
        (scores(True, 1, 0), None),
        (scores(float("nan"), 1, 0), None),
        ({"consistency": 2, "realism": 1}, None),
        (scores(9.9, 9.9, 9.9), None),  # what older code writes for "not read"
        (scores(999, 999, 999), None),
        ({"reply": "no"}, None),
    ],
)
def test_a_legacy_record_counts_by_its_reply_or_its_numbers(record, expected):
    assert LEGACY.value(record) == (expected if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("Score: 1", 1),
        ("score:0", 0),
        ("**Score:** 1", 1),
        ("It shows mooncakes.\nScore: 1.", 1),
        ("<think>Score: 0? The fruit is right.</think>\nScore: 1", 1),
        ("Score: 0, no, it is there.</think>Score: 1", 1),  # the template opened the thought
        ("<think>one</think>Score: 1<think>Score: 0</think>", 1),  # whole thoughts go wherever
        ("Score: 2", None),
        ("Score: 10", None),
        ("Score: 0.5", None),
        ("Score: -1", None),
        ("1", None),
        ("Score: yes", None),
        ("<think>Score: 1", 1),
        ("", None),
    ],
)
def test_a_verdict_is_the_score_behind_the_thoughts(reply, expected):
    assert verified_score(reply) == expected


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"score": 1}, 1.0),
        ({"score": 0.0}, 0.0),
        ({"score": 0.5}, None),
        ({"score": 2}, None),
        ({"score": "1"}, None),
        ({"score": True}, None),
        ({}, None),
        ({"reply": "Score: 1"}, 1.0),
    ],
)
def test_a_verified_record_counts_if_it_is_zero_or_one(record, expected):
    assert VERIFIED.value(record) == expected


def test_categories_are_runs_of_ids_that_cover_a_thousand():
    sizes = {"culture": 400, "time": 167, "space": 133, "biology": 100, "physics": 100}
    assert {k: len(v) for k, v in LEGACY.categories.items()} == {**sizes, "chemistry": 100}
    sciences = dict.fromkeys(("time", "space", "biology", "physics", "chemistry"), 120)
    assert {k: len(v) for k, v in VERIFIED.categories.items()} == {"culture": 400, **sciences}
    for protocol in (LEGACY, VERIFIED):
        covered = [number for ids in protocol.categories.values() for number in ids]
        assert covered == list(range(1, 1001))
        assert sum(protocol.weights.values()) == pytest.approx(1.0)


def test_the_protocols_part_where_time_ends():
    assert [LEGACY.category(number) for number in (520, 567, 568)] == ["time", "time", "space"]
    assert [VERIFIED.category(number) for number in (520, 521, 641)] == ["time", "space", "biology"]
    with pytest.raises(ValueError, match="must be a whole number from 1 to 1000, got 1001"):
        LEGACY.category(1001)
