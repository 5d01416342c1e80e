"""Alignment on planted states: copies, chance, kinds, curves of known shape."""

import numpy as np
import pytest

from benchmarks.probes.alignment import (
    ALL,
    MUTUAL,
    OWN,
    WITHIN,
    WORLD,
    alignment,
    cka_curve,
    last_third,
    measure,
    mutual_curve,
    shape,
    shape_row,
)
from benchmarks.probes.likeness import Neighbourhood
from benchmarks.probes.protocol import Sample, States

RANDOM = np.random.default_rng(3)
PROMPTS = RANDOM.normal(size=(40, 12))
OTHER = RANDOM.normal(size=(40, 12))


def test_layers_that_are_copies_align_alike_and_a_copy_of_the_prompts_aligns_wholly():
    copies = mutual_curve(States(np.stack([OTHER] * 3), PROMPTS), k=5)
    assert copies.values[0] == copies.values[1] == copies.values[2]
    same = mutual_curve(States(np.stack([PROMPTS, 3 * PROMPTS]), PROMPTS), k=5)
    assert same.values.tolist() == [1.0, 1.0]  # the cosine does not see the scale


def test_permuted_prompts_share_as_many_neighbours_as_chance_has_it():
    curve = mutual_curve(States(OTHER[None], PROMPTS), k=5)
    assert curve.permuted[0] == pytest.approx(5 / 39, abs=0.01)
    assert curve.permuted[0] < curve.permuted_high[0] < 0.25


def test_within_a_kind_a_sample_has_no_neighbour_of_another():
    kinds = np.array(["a", "b"] * 20)
    near = Neighbourhood.of(PROMPTS, 4, kinds).near
    assert not near[kinds[:, None] != kinds].any()
    # states that show the kind alone agree by kind, and within a kind by chance
    shown = np.where(kinds == "a", 1.0, -1.0)[:, None] * np.ones(12) * 50
    pictures, prompts = shown + OTHER, shown + PROMPTS
    states = States(pictures[None], prompts)
    assert mutual_curve(states, 4).values[0] > 1.5 * 4 / 39
    within = mutual_curve(states, 4, kinds)
    assert within.permuted[0] == pytest.approx(4 / 19, abs=0.02)


def test_kinds_with_too_few_samples_are_left_out_within_kinds_and_if_none_is_left_it_says_so():
    states = States(OTHER[None], PROMPTS)
    kinds = ["many"] * 34 + ["few"] * 6
    rows, shapes = measure(states, states, kinds, 6)
    found = {(row["measure"], row["scope"]): row for row in rows}
    assert found[MUTUAL, ALL]["samples"] == 40
    assert found[MUTUAL, WITHIN]["samples"] == 34
    assert found[MUTUAL, WITHIN]["value"] == found[MUTUAL, WITHIN]["untrained"]
    assert [row["scope"] for row in shapes] == [ALL, WITHIN]
    rows, shapes = measure(states, None, kinds, 35)
    assert [row["note"] for row in rows if row["scope"] == WITHIN] == [
        "no prompt kind has more than k=35 samples"
    ]
    assert [row["scope"] for row in shapes] == [ALL]


def test_cka_of_other_states_is_what_chance_gives_and_of_the_prompts_themselves_far_above():
    curve = cka_curve(States(np.stack([OTHER, PROMPTS]), PROMPTS))
    assert curve.values[0] < curve.permuted_high[0] < 0.6 < curve.values[1]


def test_the_shape_is_the_peak_and_the_slope_of_the_last_third():
    assert [last_third(layers) for layers in (1, 2, 3, 6, 24)] == [2, 2, 2, 2, 8]
    rising = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert shape(rising) == (6.0, pytest.approx(0.6))  # 0.1 a layer, six layers
    falling = np.array([0.1, 0.5, 0.4, 0.4, 0.4, 0.3])
    assert shape(falling) == (2.0, pytest.approx(-0.6))
    assert shape(np.array([0.3])) == (1.0, 0.0)


class Planted:
    """States of each task's own: pictures are the prompts, in the last layer in drawing alone."""

    name = "planted"

    def __init__(self, shift: float) -> None:
        self.shift = shift

    def states(self, samples, task):
        own = np.random.default_rng(len(task)).normal(size=(len(samples), 12))
        last = own if task == "generate" else OTHER[: len(samples)] + self.shift * own
        return States(np.stack([own, last]), own)


def table(untrained: Planted | None) -> dict:
    samples = [Sample(np.zeros((2, 2, 3), np.uint8), "a cat", "one", "?", "yes")] * 40
    pictures = {WORLD: samples, OWN: samples}
    rows = alignment(Planted(0.0), untrained, pictures, 5)["alignment"]
    return {
        (row["images"], row["task"], row["layer"]): row
        for row in rows
        if row["measure"] == MUTUAL and row["scope"] == ALL
    }


def test_each_task_is_compared_with_its_own_prompts_and_on_own_pictures_with_those_drawn_from():
    rows = table(None)
    assert len(rows) == 8  # two sets, two tasks, two layers
    for images, task in ((WORLD, "understand"), (WORLD, "generate"), (OWN, "generate")):
        assert rows[images, task, 1]["value"] == 1.0, (images, task)
    assert rows[OWN, "understand", 1]["value"] < 0.5  # against what `generate` read
    last = {task: rows[WORLD, task, 2]["value"] for task in ("understand", "generate")}
    assert last["understand"] < 0.5 < last["generate"] == 1.0


def test_the_baseline_is_the_untrained_models_on_the_same_pictures():
    rows = table(Planted(100.0))  # its last layer is its prompts in both tasks, but for a trace
    for (images, task, layer), row in rows.items():
        aligned = (images, task) != (OWN, "understand")
        assert (row["untrained"] > 0.9) == aligned, (images, task, layer)
        assert (row["value"] > 0.9) == (aligned and (layer == 1 or task == "generate"))


def test_intervals_are_narrow_where_samples_agree_and_hold_the_estimate():
    sure = np.repeat(np.array([[0.2], [0.6], [0.4]]), 50, axis=1)
    row = shape_row(sure)
    assert (row["peak_layer"], row["peak_low"], row["peak_high"]) == (2, 2, 2)
    assert row["slope_low"] == pytest.approx(row["slope_high"]) == pytest.approx(-0.6)
    noisy = sure + np.random.default_rng(1).normal(scale=1.0, size=sure.shape)
    row = shape_row(noisy)
    assert row["slope_low"] < row["slope"] < row["slope_high"]
    # 95% of the slopes of means of 50: their deviation is that of two layers, each 1 / 50**0.5,
    # a step of a third of the depth apart
    deviation = 3 * (2 / 50) ** 0.5
    assert row["slope_high"] - row["slope_low"] == pytest.approx(2 * 1.96 * deviation, rel=0.25)


def test_too_few_pictures_are_refused_before_any_is_looked_at():
    class Unseen(Planted):
        def states(self, samples, task):
            raise AssertionError("looked at")

    samples = [Sample(np.zeros((2, 2, 3), np.uint8), "a cat", "one", "?", "yes")] * 10
    with pytest.raises(ValueError, match="k must be below the number of samples, 10, got 10"):
        alignment(Unseen(0.0), None, {WORLD: samples}, 10)
