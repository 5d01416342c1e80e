"""Tables and figures of planted models: what is written, and what a note leaves out."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.probes.alignment import OWN, WORLD, alignment
from benchmarks.probes.figures import write_figure
from benchmarks.probes.gradients import gradients
from benchmarks.probes.interaction import interaction
from benchmarks.probes.protocol import (
    Choices,
    Gradient,
    Masses,
    NotApplicableError,
    Sample,
    States,
    Task,
)
from benchmarks.probes.routing import routing
from benchmarks.probes.tables import (
    Tables,
    observations,
    read_table,
    reasons,
    where,
    write_tables,
)

SAMPLES = [
    Sample(np.zeros((2, 2, 3), np.uint8), f"prompt {n}", kind, "what ?", f"answer {n}")
    for n in range(12)
    for kind in ("one", "two")
]
DEPTH, HEADS = 4, 3


class Planted:
    """Its pictures come nearer to their prompts with every layer, for the tasks it is given."""

    name = "planted"

    def __init__(self, tasks: tuple[Task, ...] = ("understand", "generate")) -> None:
        self.tasks, self.random = tasks, np.random.default_rng(0)

    def require(self, task: Task) -> None:
        if task not in self.tasks:
            raise NotApplicableError(f"planted does not {task}")

    def states(self, samples, task: Task) -> States:
        self.require(task)
        prompt = np.random.default_rng(7).normal(size=(len(samples), 16))
        noise = self.random.normal(size=(DEPTH, *prompt.shape))
        shares = np.linspace(0, 1, DEPTH)[:, None, None]
        return States(shares * prompt + (1 - shares) * noise, prompt)

    def masses(self, samples, task: Task) -> Masses:
        self.require(task)
        curve = np.linspace(0.2, 0.8, DEPTH)[:: 1 if task == "generate" else -1]
        found = np.broadcast_to(curve[:, None, None], (DEPTH, len(samples), HEADS))
        return Masses(found, np.full(len(samples), 0.1))

    def choices(self, samples, task: Task) -> Choices:
        self.require(task)
        experts = np.stack([np.arange(20)[:, None] % 4] * DEPTH)
        word = np.arange(20) % 5
        modality = np.where(word > 2, "image", "text")
        return Choices(experts, modality, word, ("understand",) * 2 + ("generate",) * 2)

    def gradients(self, task: Task, batch: int) -> dict[str, Gradient]:
        self.require(task)
        random = np.random.default_rng([batch, task == "generate"])
        return {
            f"{layer}.{name}": Gradient(layer + 1, name, random.normal(size=30) + layer)
            for layer in range(DEPTH)
            for name in ("attention.query", "feed_forward.up")
        }


def probe(name: str, model: Planted) -> Tables:
    """The tables of one probe of a planted model."""
    if name == "alignment":
        return alignment(model, Planted(), {WORLD: SAMPLES, OWN: SAMPLES}, 3)
    if name == "interaction":
        return interaction(model, SAMPLES)
    return gradients(model) if name == "gradients" else routing(model, SAMPLES)


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


def test_what_is_missing_is_empty_and_fractions_have_six_digits(tmp_path: Path):
    rows = [{"layer": 1, "value": 1 / 3, "k": None}, {"layer": 2, "note": "absent, truly"}]
    write_tables({"one": rows, "none": []}, tmp_path)
    text = (tmp_path / "one.csv").read_text()
    assert text == 'layer,value,k,note\n1,0.333333,,\n2,,,"absent, truly"\n'
    assert not (tmp_path / "none.csv").exists()
