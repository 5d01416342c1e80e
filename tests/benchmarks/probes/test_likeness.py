"""Neighbours and CKA of states worked out by hand."""

import numpy as np
import pytest

from benchmarks.probes.likeness import Neighbourhood, linear_cka

PROMPTS = np.random.default_rng(3).normal(size=(40, 12))


def test_nearest_others_are_those_of_greatest_cosine_and_never_the_sample_itself():
    east, also_east, north, south = [1.0, 0.0], [9.0, 1.0], [0.0, 1.0], [0.0, -1.0]
    near = Neighbourhood.of(np.array([east, also_east, north, south]), 1).near
    assert near.argmax(1).tolist() == [1, 0, 1, 0]
    assert near.sum(1).tolist() == [1, 1, 1, 1]
    swapped = Neighbourhood.of(np.array([east, north, also_east, south]), 1)
    assert Neighbourhood(near, 1).shared(swapped).tolist() == [0, 0, 0, 1]


def test_renamed_neighbours_are_the_same_ones_under_their_new_names():
    # 0 and 1 are near, 2 and 3; read in the order 2, 0, 1, 3 these stand at 1 and 2, 0 and 3
    pairs = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
    near = Neighbourhood.of(pairs, 1).renamed(np.array([2, 0, 1, 3])).near
    assert near.argmax(1).tolist() == [3, 2, 1, 0]


@pytest.mark.parametrize("k", [40, 41])
def test_k_not_below_the_sample_count_is_an_error(k: int):
    with pytest.raises(ValueError, match=f"k must be below the number of samples, 40, got {k}"):
        Neighbourhood.of(PROMPTS, k)


def test_k_not_below_the_size_of_a_kind_is_an_error_that_names_it():
    kinds = np.array(["many"] * 37 + ["few"] * 3)
    with pytest.raises(ValueError, match=r"of each kind, 3 of .*few.*, got 3"):
        Neighbourhood.of(PROMPTS, 3, kinds)
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        Neighbourhood.of(PROMPTS, 0)


def test_cka_sees_no_rotation_no_scale_and_no_shift():
    rotation = np.linalg.qr(np.random.default_rng(4).normal(size=(12, 12)))[0]
    assert linear_cka(PROMPTS, 5 * PROMPTS @ rotation + 7) == pytest.approx(1.0)
    assert linear_cka(np.ones((4, 2)), PROMPTS[:4]) == 0.0
    first, second = np.eye(3)[:, :1], np.eye(3)[:, 1:2]  # indicators of samples 1 and 2 of 3
    assert linear_cka(first, second) == pytest.approx(0.25)  # their correlation is -1/2


@pytest.mark.parametrize("broken", [np.nan, np.inf])
def test_states_that_are_not_finite_are_refused_not_taken_for_alike(broken: float):
    states = PROMPTS.copy()
    states[3, 5] = broken
    with pytest.raises(ValueError, match="states must be finite"):
        Neighbourhood.of(states, 5)
