"""Interaction curves of known masses: heads, uniform attention, correlation, controls."""

import numpy as np
import pytest

from benchmarks.probes.interaction import (
    MEAN,
    control_distances,
    correlation,
    distance,
    layer_rows,
    task_correlation,
)
from benchmarks.probes.protocol import Masses


def masses(*layers: float, uniform: float = 0.25) -> Masses:
    """Two samples and two heads, 0.1 below and above each layer's mass."""
    found = np.array(layers)[:, None, None] + np.array([-0.1, 0.1])
    return Masses(np.repeat(found, 2, axis=1), np.full(2, uniform))


def test_a_row_has_the_mass_and_what_uniform_attention_leaves_of_it():
    rows = {(row["head"], row["layer"]): row for row in layer_rows(masses(0.5, 0.3))}
    assert len(rows) == 6  # two layers, two heads and their mean
    assert rows[MEAN, 1]["mass"] == pytest.approx(0.5)
    assert rows[MEAN, 1]["excess"] == pytest.approx(0.25)
    assert rows[1, 2]["mass"] == pytest.approx(0.2)
    assert rows[2, 2]["excess"] == pytest.approx(0.15)
    assert rows[MEAN, 1]["deviation"] == pytest.approx(0)


def test_the_deviation_is_over_samples():
    apart = Masses(np.array([[[0.2, 0.4], [0.6, 0.8]]]), np.full(2, 0.25))
    rows = {row["head"]: row["deviation"] for row in layer_rows(apart)}
    assert rows == {MEAN: pytest.approx(0.2), 1: pytest.approx(0.2), 2: pytest.approx(0.2)}


def test_both_tasks_are_drawn_anew_with_the_same_samples():
    """Every sample has the same curve in both tasks, and another one than the others."""
    curves = np.random.default_rng(0).uniform(size=(4, 30, 1))
    alike = Masses(curves, np.full(30, 0.25))
    (row,) = task_correlation({"understand": alike, "generate": alike})
    assert (row["low"], row["high"]) == (pytest.approx(1), pytest.approx(1))
    other = Masses(curves[:, ::-1], np.full(30, 0.25))
    (row,) = task_correlation({"understand": alike, "generate": other})
    assert row["low"] < row["high"] - 0.1


def test_curves_that_mirror_each_other_are_negatively_correlated():
    rising, falling = np.array([0.1, 0.2, 0.3]), np.array([0.9, 0.7, 0.5])
    assert correlation(rising, falling) == pytest.approx(-1)
    assert correlation(rising, np.full(3, 0.4)) is None
    assert correlation(rising[:1], falling[:1]) is None
    found = {"understand": masses(0.1, 0.2, 0.3), "generate": masses(0.9, 0.7, 0.5)}
    (row,) = task_correlation(found)
    assert row["correlation"] == row["low"] == row["high"] == pytest.approx(-1)
    assert task_correlation({"understand": found["understand"]}) == []


def test_a_control_of_another_depth_is_read_at_the_same_relative_depth():
    assert distance(np.array([0.5, 0.5]), np.array([0.5, 0.5, 0.5, 0.5])) == 0
    # at depths 1/2 and 1 the control of four layers has 0.2 and 0.4
    assert distance(np.array([0.3, 0.3]), np.array([0.1, 0.2, 0.3, 0.4])) == pytest.approx(0.1)


def table(task: str, *layers: float):
    return [{"task": task, **row} for row in layer_rows(masses(*layers))]


def test_distances_are_to_the_control_of_the_same_task():
    arms = {
        "shared": table("generate", 0.5, 0.7),
        "generate_only": table("generate", 0.4, 0.4),
        "frozen": [{"task": "generate", "note": "draws elsewhere"}],
    }
    rows = control_distances(arms, {"generate": "generate_only", "understand": "missing"})
    found = {(row["arm"], row["task"]): row["distance"] for row in rows}
    assert found == {("shared", "generate"): pytest.approx(0.2)}
