"""Tables and figures of planted models: what is written, and what a note leaves out."""

from pathlib import Path

import pytest
from matplotlib.figure import Figure

from benchmarks.probes.alignment import OWN, WORLD, alignment
from benchmarks.probes.figures import by_layer, line, write_figure
from benchmarks.probes.tables import observations, read_table, reasons, where, write_tables
from tests.benchmarks.probes.planted import SAMPLES, Planted, probe


@pytest.mark.parametrize("name", ["alignment", "interaction", "gradients", "routing"])
def test_a_probe_writes_a_table_and_a_figure_with_text_as_text(name: str, tmp_path: Path):
    tables = probe(name, Planted())
    write_tables(tables, tmp_path)
    write_figure(name, tables, tmp_path)
    figure = (tmp_path / f"{name}.svg").read_text()
    assert ">layer</text>" in figure
    again = tmp_path / "again"
    write_figure(name, tables, again)
    assert (again / f"{name}.svg").read_text() == figure  # no date, no random ids
    found = read_table(tmp_path / f"{name}.csv")
    assert len(found) == len(tables[name])
    assert list(found[0])[-1] == "note"


def test_alignment_rises_to_one_and_its_own_pictures_are_compared_with_what_was_drawn_from():
    tables = probe("alignment", Planted())
    for task in ("understand", "generate"):
        rows = where(
            tables["alignment"], images=WORLD, task=task, measure="mutual_knn", scope="all"
        )
        assert [row["layer"] for row in rows] == [1, 2, 3, 4]
        assert rows[-1]["value"] == 1.0 > rows[0]["value"]
        assert rows[0]["permuted"] == pytest.approx(3 / 23, abs=0.03)
    shapes = where(tables["alignment_shape"], images=WORLD, scope="all")
    assert all(row["peak_layer"] == 4 and row["slope_low"] > 0 for row in shapes)
    only = alignment(Planted(("understand",)), None, {OWN: SAMPLES}, 3)
    assert reasons(only) == ["planted does not generate"]
    assert observations(only["alignment"]) == []  # without drawing there is nothing drawn from


def test_tasks_that_mirror_each_other_in_depth_have_correlation_minus_one():
    rows = probe("interaction", Planted())["interaction_correlation"]
    assert [row["correlation"] for row in rows] == [pytest.approx(-1)]


@pytest.mark.parametrize("name", ["alignment", "interaction", "gradients", "routing"])
def test_a_probe_that_does_not_apply_leaves_a_row_with_the_reason_and_no_figure(
    name: str, tmp_path: Path
):
    tables = probe(name, Planted(()))
    write_tables(tables, tmp_path)
    write_figure(name, tables, tmp_path)
    assert not (tmp_path / f"{name}.svg").exists()
    assert all("planted does not" in row["note"] for row in read_table(tmp_path / f"{name}.csv"))


def test_a_task_that_is_missing_leaves_the_other_in_the_figure(tmp_path: Path):
    for name in ("alignment", "interaction", "routing"):
        tables = probe(name, Planted(("understand",)))
        write_figure(name, tables, tmp_path)
        figure = (tmp_path / f"{name}.svg").read_text()
        assert "understand" in figure
        assert "generate" not in figure


def test_a_curve_without_its_first_layer_is_drawn_from_the_second():
    axis = Figure().subplots()
    rows = [{"layer": layer, "value": value} for layer, value in ((1, None), (2, 0.4), (3, 0.6))]
    line(axis, rows, "value", "-")
    line(axis, rows[:1], "value", "-")
    assert [drawn.get_xydata().tolist() for drawn in axis.lines] == [[[2, 0.4], [3, 0.6]]]


def test_a_single_layer_is_one_tick():
    axis = Figure().subplots()
    line(axis, [{"layer": 1, "value": 0.4}], "value", "o")
    by_layer(axis, "one layer")
    axis.figure.draw_without_rendering()
    low, high = axis.get_xlim()
    assert [tick for tick in axis.get_xticks() if low <= tick <= high] == [1]


def test_what_is_missing_is_empty_and_fractions_have_six_digits(tmp_path: Path):
    rows = [{"layer": 1, "value": 1 / 3, "k": None}, {"layer": 2, "note": "absent, truly"}]
    write_tables({"one": rows, "none": []}, tmp_path)
    text = (tmp_path / "one.csv").read_text()
    assert text == 'layer,value,k,note\n1,0.333333,,\n2,,,"absent, truly"\n'
    assert not (tmp_path / "none.csv").exists()
