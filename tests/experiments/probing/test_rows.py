"""The probes' rows that an export takes: of finished steps, by table and by what they say, and
that every row which a paper's claim asks for is one that the probes write."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.probes.tables import write_tables
from experiments.planning.plan import Cell
from experiments.probing.tables import probe_rows
from experiments.reporting.paper_claims import probe_entries
from experiments.store.steps import Store
from tests.benchmarks.probes.planted import Planted, probe

WANTED = [{"table": "alignment_shape", "where": {"task": "understand", "layer": 2}}]


BOTH = ("understand", "generate")
PROBES = ("alignment", "interaction", "gradients")


def cell(arm: str, seed: int, tasks: tuple[str, ...] = BOTH, **steps: str) -> Cell:
    return Cell(arm, seed, arm, tasks, (), "", steps)


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


@pytest.fixture
def probed(tmp_path: Path) -> tuple[Any, Store]:
    """A plan of a shared trunk, both controls, a fork and experts whose probes are all done."""
    arms = dict.fromkeys(("shared", "unifork", "task_moe"), BOTH)
    arms |= {f"{task}_only": (task,) for task in BOTH}
    store, cells = Store(tmp_path), []
    for arm, tasks in arms.items():
        folders = {f"probe_{name}": f"probe_{name}-{arm}" for name in PROBES}
        for name in PROBES:
            write_tables(probe(name, Planted(tasks)), store.path(folders[f"probe_{name}"]))
        cells.append(cell(arm, 0, tasks, **folders))
    return SimpleNamespace(cells=tuple(cells)), store


@pytest.mark.parametrize("entry", probe_entries(), ids=str)
def test_what_a_papers_claim_asks_for_is_what_the_probes_write(entry: Any, probed: Any) -> None:
    rows = list(probe_rows(*probed, [entry]))
    for arm in (entry["arm"], entry.get("against", entry["arm"])):
        (one,) = [row for row in rows if row["arm"] == arm]
        assert one["seed"] == "0"
        assert math.isfinite(float(one[entry["value"]]))


def test_distances_to_the_controls_are_made_of_a_seeds_own_cells(tmp_path: Path) -> None:
    store, cells = Store(tmp_path), []
    for seed, mass in ((0, 0.25), (1, 0.5)):
        one = BOTH[:1]
        arms = (("shared", BOTH, 0.75), ("understand_only", one, mass), ("understand_z", one, 0.0))
        for arm, tasks, level in arms:
            step = f"probe_interaction-{arm}-{seed}"
            row = {"task": "understand", "layer": 1, "head": "mean", "mass": level}
            write_tables({"interaction": [row]}, store.path(step))
            cells.append(cell(arm, seed, tasks, probe_interaction=step))
    wanted = [{"table": "interaction_distances", "where": {"task": "understand"}}]
    found = list(probe_rows(SimpleNamespace(cells=tuple(cells)), store, wanted))
    assert {(row["arm"], row["seed"]): row["distance"] for row in found} == {
        ("shared", "0"): "0.5",
        ("understand_z", "0"): "0.25",
        ("shared", "1"): "0.25",
        ("understand_z", "1"): "0.5",
    }
