"""Differences of two arms by hand: their direction, their curves, and the items behind them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.evidence.collect import Gathered, read_results
from experiments.evidence.comparisons import (
    compare_items,
    curve_differences,
    missing_cells,
    scored_items,
    seed_differences,
)
from experiments.planning.claims import Comparison
from experiments.store.steps import StepError
from tests.experiments.planted_scores import METRIC, NAME, gathered, row

PAIR = Comparison(arm="fork", against="control", metric=METRIC)
SEED_SCORES = {"control": [0.5, 0.25], "fork": [0.75, 0.125]}


def lower_is_better(found: Gathered) -> Gathered:
    rows = [replace(one, higher_is_better=False) for one in found.final]
    return replace(found, final=rows)


def write_items(found: Gathered, folder: Path, arm: str, seed: int, items: list[tuple]) -> None:
    """Items of `(name, stratum, column, value)`, each a cluster of its own."""
    path = folder / f"{arm}-{seed}.jsonl"
    keys = ("name", "stratum", "column", "value")
    lines = [dict(zip(keys, one, strict=True)) | {"cluster": one[0]} for one in items]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found.items[arm, seed, "geneval"] = path


def test_a_lower_distance_is_a_positive_difference() -> None:
    found = gathered(SEED_SCORES)
    assert seed_differences(found, PAIR) == {0: 0.25, 1: -0.125}
    assert seed_differences(lower_is_better(found), PAIR) == {0: -0.25, 1: 0.125}


def test_a_lower_distance_of_items_is_a_positive_difference_too(tmp_path: Path) -> None:
    found = gathered({"control": [0.5], "fork": [0.75]})
    write_items(found, tmp_path, "control", 0, [("a", "s", None, 1), ("b", "s", None, 0)])
    write_items(found, tmp_path, "fork", 0, [("a", "s", None, 1), ("b", "s", None, 0.5)])
    difference, turned = (compare_items(one, PAIR) for one in (found, lower_is_better(found)))
    assert difference is not None
    assert turned is not None
    assert (difference.value, turned.value) == (0.25, -0.25)


def test_curves_are_compared_count_by_count_whatever_order_they_come_in() -> None:
    found = gathered(SEED_SCORES)
    for seed, values in ((0, (0.5, 0.25)), (1, (0.25, 0.125))):
        late, early = values
        found.curve += [row("fork", seed, late, 900), row("fork", seed, early, 100)]
        found.curve += [row("control", seed, 0.0, 100), row("control", seed, 0.125, 900)]
    # early 0.25 and 0.125, late 0.5 - 0.125 and 0.25 - 0.125, each the mean of two seeds
    assert curve_differences(found, PAIR) == [0.1875, 0.25]


def test_items_are_those_of_the_metrics_stratum_and_column(tmp_path: Path) -> None:
    found = gathered(SEED_SCORES)
    items = [("a", "colors", "seen", 1), ("b", "colors", "unseen", 0), ("c", "counting", "seen", 1)]
    write_items(found, tmp_path, "fork", 0, items)
    asked = {
        "geneval.overall": "abc",
        "geneval.colors": "ab",
        "geneval.overall.seen": "ac",
        "geneval.colors.unseen": "b",
    }
    for metric, names in asked.items():
        assert "".join(scored_items(found, "fork", 0, metric)) == names, metric


def test_a_score_that_is_the_mean_of_its_strata_compares_strata_alike(tmp_path: Path) -> None:
    # GenEval's overall: (1 + 0) / 2 is not the mean of four items, 3 / 4
    found = gathered({"control": [0.5], "fork": [0.75]})
    for arm, last in (("control", 0), ("fork", 0.5)):
        items = [(name, "many", None, 1) for name in "abc"] + [("d", "one", None, last)]
        write_items(found, tmp_path, arm, 0, items)
    difference = compare_items(found, PAIR)
    assert difference is not None
    assert difference.value == pytest.approx(0.25)


def test_a_seed_whose_strata_score_alike_does_not_say_how_the_others_are_made(
    tmp_path: Path,
) -> None:
    # every mean of seed 0 is 0; at seed 1 that of strata, (1 + 0) / 2, is not that of items, 3 / 4
    found = gathered({"control": [0.0, 0.0], "fork": [0.0, 0.5]})
    for arm, seed, right in (("control", 0, 0), ("control", 1, 0), ("fork", 0, 0), ("fork", 1, 1)):
        items = [(name, "many", None, right) for name in "abc"] + [("d", "one", None, 0)]
        write_items(found, tmp_path, arm, seed, items)
    difference = compare_items(found, PAIR)
    assert difference is not None
    assert difference.value == pytest.approx(0.25)


def test_an_arm_that_scores_nothing_does_not_say_how_the_others_score_is_made(
    tmp_path: Path,
) -> None:
    # every mean of the fork is 0; the control's is that of strata, (1 + 0) / 2, and not 3 / 4
    found = gathered({"control": [0.5], "fork": [0.0]})
    for arm, right in (("control", 1), ("fork", 0)):
        items = [(name, "many", None, right) for name in "abc"] + [("d", "one", None, 0)]
        write_items(found, tmp_path, arm, 0, items)
    difference = compare_items(found, PAIR)
    assert difference is not None
    assert difference.value == pytest.approx(-0.5)


def test_seeds_whose_scores_are_made_in_unlike_ways_have_no_difference_by_items(
    tmp_path: Path,
) -> None:
    # the mean of all items at seed 0, of strata at seed 1
    found = gathered({"control": [0.75, 0.5], "fork": [0.75, 0.5]})
    items = [(name, "many", None, 1) for name in "abc"] + [("d", "one", None, 0)]
    for arm in ("control", "fork"):
        for seed in (0, 1):
            write_items(found, tmp_path, arm, seed, items)
    assert compare_items(found, PAIR) is None


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    found = gathered(SEED_SCORES)
    write_items(found, tmp_path, "fork", 0, [("a", "s", None, 1), ("b", "s", None, value)])
    said = rf"fork-0\.jsonl must hold finite values, got {value} of item b\."
    with pytest.raises(StepError, match=said):
        scored_items(found, "fork", 0, METRIC)
    with pytest.raises(StepError, match=said):
        found.right("fork", 0, "geneval")
    for file in ("results.json", "results.jsonl"):
        (tmp_path / file).write_text(json.dumps({"metrics": {NAME: {"value": value}}}) + "\n")
        with pytest.raises(
            StepError, match=rf"{file} must .* finite values, got {value} of {NAME}"
        ):
            read_results(tmp_path / file)


def test_a_missing_cell_of_either_arm_is_named() -> None:
    found = gathered(SEED_SCORES)
    found.final = [one for one in found.final if (one.arm, one.seed) != ("control", 1)]
    assert missing_cells(found, PAIR) == ["control, seed 1"]
