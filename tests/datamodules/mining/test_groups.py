"""Groups and odd ones on vectors whose likeness is worked out by hand."""

import numpy as np
import pytest

from datamodules.mining.groups import groups, likeness, odd_one


def turned(*degrees: float) -> np.ndarray:
    """Unit vectors in the plane; the likeness of two is the cosine of the angle between them."""
    angles = np.radians(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)


def test_likeness_is_the_mean_cosine_to_the_others() -> None:
    found = likeness(turned(0, 60, 90))
    expected = [(0.5 + 0) / 2, (0.5 + np.sqrt(3) / 2) / 2, (0 + np.sqrt(3) / 2) / 2]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_the_odd_one_is_least_like_the_others_and_of_two_it_is_the_second() -> None:
    assert odd_one(turned(0, 10, 80, 5)) == 2
    assert odd_one(turned(70, 0, 10)) == 0
    assert odd_one(turned(0, 40)) == 1


def test_captions_join_while_they_are_like_enough_and_none_stands_alone() -> None:
    vectors = turned(0, 120, 20, 130, 250)
    assert groups(vectors, 0.9, 6) == [[0, 2], [1, 3]]
    assert groups(vectors, 0.95, 6) == [[1, 3]]  # cos 20 = 0.940, cos 10 = 0.985
    assert groups(vectors, 0.999, 6) == []


def test_a_chain_is_no_group_where_its_ends_are_unlike() -> None:
    vectors = turned(0, 28, 60, 88)  # neighbours 0.88 and 0.85, the two pairs 0.48 on average
    assert groups(vectors, 0.8, 6) == [[0, 1], [2, 3]]


def test_of_a_large_group_the_most_typical_stay() -> None:
    vectors = turned(0, 24, 12, 14, 10)
    assert groups(vectors, 0.8, 5) == [[0, 1, 2, 3, 4]]
    assert groups(vectors, 0.8, 3) == [[2, 3, 4]]


def test_the_order_of_the_page_changes_no_group() -> None:
    vectors = turned(0, 120, 20, 130, 250, 15)
    order = np.array([3, 0, 5, 4, 2, 1])
    found = {frozenset(order[one].tolist()) for one in groups(vectors[order], 0.9, 6)}
    assert found == {frozenset(one) for one in groups(vectors, 0.9, 6)}


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_captions_are_no_group(count: int) -> None:
    assert groups(turned(*[0] * count).reshape(count, 2), 0.5, 6) == []
