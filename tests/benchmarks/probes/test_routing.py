"""Planted choices: load, dead experts, groups, and what explains a choice."""

import numpy as np
import pytest

from benchmarks.probes.protocol import Choices, NotApplicableError
from benchmarks.probes.routing import BOTH, balance_rows, dead, entropy, explained, load, routing

GROUP = ("understand", "understand", "generate", "generate")


class Planted:
    """Understanding goes to experts 1 and 2 by modality; drawing to 3, each fourth token to 1."""

    name = "planted"

    def choices(self, samples, task):
        modality = np.array(["text", "image"] * 8)
        if task == "understand":
            chosen = (modality == "image").astype(int)
        else:
            chosen = np.where(np.arange(16) % 4 == 0, 0, 2)
        word = np.arange(16) % 4
        return Choices(np.stack([chosen[:, None]] * 2), modality, word, GROUP)


def found(rows, task, measure, layer=1):
    return [
        row["value"]
        for row in rows
        if (row["task"], row["measure"], row["layer"]) == (task, measure, layer)
    ]


def test_a_planted_load_is_found_in_every_layer():
    rows = routing(Planted(), [])["routing"]
    for layer in (1, 2):
        assert found(rows, "understand", "load", layer) == [0.5, 0.5, 0, 0]
        assert found(rows, "generate", "load", layer) == [0.25, 0, 0.75, 0]
    assert found(rows, "understand", "entropy") == [pytest.approx(0.5)]  # log 2 of log 4
    assert found(rows, "understand", "dead") == [2]
    assert found(rows, "understand", "group_accuracy") == [1.0]
    assert found(rows, "generate", "group_accuracy") == [0.75]
    assert found(rows, BOTH, "load") == [0.375, 0.25, 0.375, 0]
    assert found(rows, BOTH, "dead") == [1]  # one that no task chooses
    assert found(rows, BOTH, "group_accuracy") == []


def test_modality_explains_what_it_alone_decides():
    rows = routing(Planted(), [])["routing"]
    assert found(rows, "understand", "explained_by_modality") == [pytest.approx(1)]
    assert found(rows, "understand", "explained_by_word") == [pytest.approx(1)]  # even, odd
    assert found(rows, "generate", "explained_by_word") == [pytest.approx(1)]
    assert 0 < found(rows, "generate", "explained_by_modality")[0] < 1
    shared = found(rows, BOTH, "explained_by_task")[0]
    assert 0.4 < shared < 0.9


def test_words_that_have_changed_places_explain_what_many_words_explain_by_chance():
    rows = routing(Planted(), [])["routing"]
    shuffled = {
        row["measure"]: row["shuffled"]
        for row in rows
        if row["task"] == "understand" and row["layer"] == 1 and "shuffled" in row
    }
    assert shuffled["explained_by_modality"] < 0.6
    assert shuffled["explained_by_word"] < 0.6


def test_a_label_that_says_nothing_explains_nothing():
    chosen = np.array([[0], [1], [0], [1]])
    assert explained(chosen, np.array(["a", "a", "b", "b"])) == pytest.approx(0)
    assert explained(np.zeros((4, 1), int), np.array(["a", "a", "b", "b"])) is None


def test_the_best_label_explains_all_of_several_choices_a_token():
    """Each word has a pair of experts of its own; the pairs overlap."""
    words = np.arange(40) % 4
    chosen = np.array([[0, 1], [1, 2], [2, 3], [3, 0]])[words]
    assert explained(chosen, words) == pytest.approx(1)
    assert explained(chosen, np.arange(40) // 20) == pytest.approx(0)
    assert 0.2 < explained(chosen, words // 2) < 0.8


@pytest.mark.parametrize("labels", [1, 7, 13, 49, 100])
def test_a_router_that_sends_all_to_the_same_experts_leaves_nothing_to_explain(labels: int):
    words = np.arange(700) % labels
    assert explained(np.zeros((700, 1), int), words) is None
    assert explained(np.tile([2, 0], (700, 1)), words) is None


def test_every_choice_of_a_token_counts():
    choices = Choices(np.array([[[0, 2], [0, 3]]]), np.array(["text"] * 2), np.array([1, 1]), GROUP)
    shares = load(choices.experts[0], 4)
    assert shares.tolist() == [0.5, 0, 0.25, 0.25]
    assert entropy(shares) == pytest.approx(1.5 * np.log(2))
    rows = balance_rows(choices, "understand")
    assert [row["value"] for row in rows if row["measure"] == "group_accuracy"] == [0.5]


def test_an_expert_with_less_than_a_hundredth_of_an_even_load_is_dead():
    assert dead(np.array([0.5, 0.4974, 0.0026, 0.0])) == 1
    assert dead(np.array([0.5, 0.4976, 0.0024, 0.0])) == 2


def test_a_model_that_routes_nothing_says_so():
    class Plain:
        name = "plain"

        def choices(self, samples, task):
            raise NotApplicableError("plain has no experts")

    rows = routing(Plain(), [])["routing"]
    assert [row["note"] for row in rows] == ["plain has no experts"] * 2
