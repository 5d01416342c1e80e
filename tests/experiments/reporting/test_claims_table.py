"""The table of a run's claims, from planted scores."""

import csv
import io
import json
from pathlib import Path

import pytest

from experiments.evidence.claims_record import RECORD
from experiments.evidence.verdicts import judge_claims
from experiments.reporting.claims_table import CLAIMS, claims_csv, read_claim_rows
from experiments.store.steps import Store
from tests.experiments.planted_scores import CLAIM, METRIC, VALUES, add_items, gathered


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


def test_every_column_has_its_own_figure(tmp_path: Path) -> None:
    """Items at one seed, two a cluster, and a condition whose interval lies round its value."""
    alone = [value + 0.1 + 0.01 * i for i, value in enumerate(VALUES["control"])]
    condition = {"arm": "alone", "against": "control", "metric": METRIC}
    values = {"control": [0.25, *VALUES["control"][1:]], "fork": [0.75, *VALUES["fork"][1:]]}
    found = gathered({**values, "alone": alone}, {**CLAIM, "precondition": condition})
    add_items(found, tmp_path, "control", [1, 0, 0, 0] * 20)
    add_items(found, tmp_path, "fork", [1, 1, 1, 1] * 10 + [1, 0, 1, 0] * 10)
    row = only_row(claims_csv(found, Store(tmp_path)))
    (one,) = judge_claims(found)
    assert one.by_items is not None
    assert one.by_seeds is not None
    assert (row["arm"], row["against"], row["preset"]) == ("fork", "control", "tiny")
    assert row["claims_sha256"] == "hash"
    expected = {
        "items_difference": 0.5,
        "items_low": one.by_items.low,
        "items_high": one.by_items.high,
        "p_value": one.by_seeds.p_value,
        "equivalence_p": one.equivalence_p,
        "minimum_detectable": one.minimum_detectable,
        "seeds_needed": one.seeds_needed,
    }
    assert {name: float(row[name]) for name in expected} == pytest.approx(expected, rel=1e-6)
    assert len(set(expected.values())) == len(expected)
    low, value, high = (float(row[f"precondition{part}"]) for part in ("_low", "", "_high"))
    assert low < value < high


def test_a_row_tells_how_many_cells_were_trained_before_the_claims(tmp_path: Path) -> None:
    found, store = gathered(VALUES), Store(tmp_path)
    folder = tmp_path / found.plan.request.run
    folder.mkdir()
    (folder / RECORD).write_text(json.dumps({"cells_trained_before": 3}))
    assert only_row(claims_csv(found, store))["trained_before"] == "3"


def test_a_missing_cell_is_named_and_the_other_seeds_are_reported(tmp_path: Path) -> None:
    found = gathered(VALUES)
    found.final = [row for row in found.final if (row.arm, row.seed) != ("fork", 3)]
    row = only_row(claims_csv(found, Store(tmp_path)))
    assert row["missing"] == "fork, seed 3"
    assert (row["seeds"], row["n_seeds"], row["p_value"]) == ("undecided: seeds", "4", "")


def test_committed_tables_are_read_with_the_name_of_their_folder(tmp_path: Path) -> None:
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / CLAIMS).write_text(claims_csv(gathered(VALUES), Store(tmp_path)))
    ((name, row),) = read_claim_rows(tmp_path)
    assert (name, row["claim"], row["seeds"]) == ("reference", "one", "better")
