"""Claims stand before the runs: what is recorded, and what is refused afterwards."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.config import ConfigError
from experiments.evidence.claims_record import RECORD, hold_to_claims, read_record, when_recorded
from experiments.running.ablate import Ablation

Make = Callable[..., Ablation]


def test_the_claims_are_recorded_before_anything_runs(ablation: Make) -> None:
    made = ablation()
    hold_to_claims(made.plan, made.store)
    record = read_record(made.folder)
    assert record is not None
    assert record["sha256"] == made.plan.claims_hash
    assert [claim["id"] for claim in record["claims"]] == ["fork_draws"]
    assert (record["cells"], record["cells_trained_before"]) == (4, 0)


def test_claims_recorded_after_a_cell_was_trained_say_so(ablation: Make) -> None:
    made = ablation()
    made.store.path(made.plan.cells[0].steps["train"]).mkdir(parents=True)
    hold_to_claims(made.plan, made.store)
    assert read_record(made.folder)["cells_trained_before"] == 1


def test_cells_that_others_trained_count_when_the_run_asks_for_them_later(ablation: Make) -> None:
    first, more = ablation(seeds=(7,)), ablation(seeds=(7, 0, 1))
    hold_to_claims(first.plan, first.store)
    own, known = first.plan.cells[0], next(one for one in more.plan.cells if one.seed == 0)
    for cell in (own, known):  # the run itself trained the one, another suite the other
        more.store.path(cell.steps["train"]).mkdir(parents=True)
    for _ in range(2):
        hold_to_claims(more.plan, more.store)
        record = read_record(more.folder)
        assert record is not None
        assert (record["cells"], record["cells_trained_before"]) == (12, 1)
        assert record["trained_before"] == [known.label]
    assert when_recorded(record) == "when 1 of 12 cells had been trained"


@pytest.mark.parametrize(
    ("file", "before", "after", "message"),
    [
        (
            "suites/toy/fork.yaml",
            "arm: {inherits: [generate]}\nmodel: {name: fork}",
            "model: {name: fork}",
            r"suites/toy/fork\.yaml: arm\.inherits .* \(\['generate'\], .*, got \[\]",
        ),
        (
            "presets/tiny.yaml",
            "preset: {plateau: 0.001}",
            "preset: {stamp: toy}",
            r"presets/tiny\.yaml: preset\.plateau .* \(0\.001, .*, got None",
        ),
    ],
)
def test_what_a_verdict_hangs_on_may_not_change_after_the_runs_began(
    ablation: Make, suites: Path, file: str, before: str, after: str, message: str
) -> None:
    (suites / file).write_text(before)
    first = ablation()
    hold_to_claims(first.plan, first.store)
    control = ablation(arms=("control",))  # says nothing of the others
    hold_to_claims(control.plan, control.store)
    (suites / file).write_text(after)
    edited = ablation()
    with pytest.raises(ConfigError, match=message):
        hold_to_claims(edited.plan, edited.store)


def test_a_record_that_only_counts_its_cells_is_read_and_keeps_its_count(ablation: Make) -> None:
    made, more = ablation(), ablation(seeds=(0, 1))
    old = {"sha256": made.plan.claims_hash, "recorded": "then", "claims": []}
    made.folder.mkdir(parents=True)
    (made.folder / RECORD).write_text(json.dumps({**old, "cells": 4, "cells_trained_before": 2}))
    for cell in more.plan.cells[:5]:
        made.store.path(cell.steps["train"]).mkdir(parents=True)
    hold_to_claims(made.plan, made.store)
    assert read_record(made.folder)["cells_trained_before"] == 2
    hold_to_claims(more.plan, more.store)
    assert when_recorded(read_record(made.folder)) == "when 3 of 8 cells had been trained"


def test_a_damaged_record_is_named_and_not_written_anew(ablation: Make) -> None:
    made = ablation()
    hold_to_claims(made.plan, made.store)
    record = made.folder / RECORD
    record.write_text(record.read_text()[:50])
    with pytest.raises(ConfigError, match=r"claims_record\.json must be what the run recorded"):
        hold_to_claims(made.plan, made.store)
    assert len(record.read_text()) == 50


def test_claims_edited_after_the_runs_began_are_refused(ablation: Make, suites: Path) -> None:
    first = ablation()
    hold_to_claims(first.plan, first.store)
    hold_to_claims(first.plan, first.store)
    claims = suites / "suites/toy/claims.yaml"
    claims.write_text(claims.read_text().replace("against: control", "against: reader"))
    edited = ablation()
    message = r"suites/toy/claims\.yaml must stay as it was when .*toy-tiny began .*Undo the edit"
    with pytest.raises(ConfigError, match=message):
        edited.run(jobs=1, track=False)
    with pytest.raises(ConfigError, match=message):
        edited.write_outputs({})


def test_an_unfinished_cell_is_named_in_the_row_of_its_arm(ablation: Make) -> None:
    made = ablation(arms=("control", "fork"), seeds=(0, 3))
    made.write_outputs({})
    rows = (made.folder / "leaderboard.md").read_text().splitlines()
    (row,) = (row for row in rows if row.startswith("| fork"))
    assert "no result: tokenizer: not run (seed 0); tokenizer: not run (seed 3)" in row
