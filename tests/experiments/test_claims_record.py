"""Claims stand before the runs: what is recorded, and what is refused afterwards."""

from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.ablate import Ablation
from experiments.config import ConfigError
from experiments.evidence.claims_record import RECORD, hold_to_claims, read_record

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
