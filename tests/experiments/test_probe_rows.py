"""The probes' rows that an export takes: of finished steps, by table and by what they say."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from benchmarks.probes.tables import write_tables
from experiments.plan import Cell
from experiments.probing.tables import probe_rows
from experiments.steps import Store

WANTED = [{"table": "alignment_shape", "where": {"task": "understand", "layer": 2}}]


def cell(arm: str, seed: int, **steps: str) -> Cell:
    return Cell(arm, seed, arm, (), (), "", steps)


def write(store: Store, folder: str, slope: str) -> None:
    row = {"task": "understand", "layer": 2, "slope": slope}
    other = {**row, "task": "generate"}
    store.path(folder).mkdir(parents=True)
    tables = {"alignment_shape": [row, other, {**row, "layer": 1}], "alignment": [row]}
    write_tables(tables, store.path(folder))


def test_a_row_has_the_arm_and_the_seed_of_its_cell_and_unfinished_cells_have_none(
    tmp_path: Path,
) -> None:
    store = Store(tmp_path)
    write(store, "probe_alignment-a", "0.5")
    write(store, "probe_alignment-b", "0.25")
    write(store, "score_vqa-c", "0.125")
    plan: Any = SimpleNamespace(
        cells=(
            cell("fork", 0, probe_alignment="probe_alignment-a", score_vqa="score_vqa-c"),
            cell("fork", 3, probe_alignment="probe_alignment-b"),
            cell("late", 0, probe_alignment="probe_alignment-not-there"),
        )
    )
    about = {"table": "alignment_shape", "arm": "fork", "task": "understand", "layer": "2"}
    assert list(probe_rows(plan, store, WANTED)) == [
        {**about, "seed": "0", "slope": "0.5", "note": ""},
        {**about, "seed": "3", "slope": "0.25", "note": ""},
    ]
