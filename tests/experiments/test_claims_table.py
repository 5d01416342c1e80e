"""The table of a run's claims, from planted scores."""

import csv
import io
from pathlib import Path

import pytest

from experiments.reporting.claims_table import FILE, claims_csv, read_claim_rows
from experiments.steps import Store
from tests.experiments.test_verdicts import CLAIM, METRIC, VALUES, gathered


def only_row(text: str) -> dict[str, str]:
    (row,) = csv.DictReader(io.StringIO(text))
    return row


def test_a_row_has_the_difference_its_interval_and_the_precondition(tmp_path: Path) -> None:
    alone = [value + 0.1 + 0.001 * i for i, value in enumerate(VALUES["control"])]
    condition = {"arm": "alone", "against": "control", "metric": METRIC}
    found = gathered({**VALUES, "alone": alone}, {**CLAIM, "precondition": condition})
    row = only_row(claims_csv(found, Store(tmp_path)))
    # 0.20, 0.21, 0.20, 0.20, 0.21 and 0.100 to 0.104
    assert float(row["seeds_difference"]) == pytest.approx(0.204)
    assert float(row["seeds_low"]) < 0.204 < float(row["seeds_high"])
    assert float(row["precondition"]) == pytest.approx(0.102)
    assert (row["seeds"], row["n_seeds"], row["missing"]) == ("better", "5", "")
    assert row["items_difference"] == ""


def test_a_missing_cell_is_named_and_the_other_seeds_are_reported(tmp_path: Path) -> None:
    found = gathered(VALUES)
    found.final = [row for row in found.final if (row.arm, row.seed) != ("fork", 3)]
    row = only_row(claims_csv(found, Store(tmp_path)))
    assert row["missing"] == "fork, seed 3"
    assert (row["seeds"], row["n_seeds"], row["p_value"]) == ("undecided: seeds", "4", "")


def test_committed_tables_are_read_with_the_name_of_their_folder(tmp_path: Path) -> None:
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / FILE).write_text(claims_csv(gathered(VALUES), Store(tmp_path)))
    ((name, row),) = read_claim_rows(tmp_path)
    assert (name, row["claim"], row["seeds"]) == ("reference", "one", "better")
