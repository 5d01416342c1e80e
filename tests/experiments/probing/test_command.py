"""The command that shows what finished probes have found, and the distances to the controls."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from benchmarks.probes.tables import read_table, write_tables
from experiments.config import ConfigError
from experiments.planning.plan import Cell
from experiments.probing import command as probe
from experiments.probing.distances import controls
from experiments.store.markers import write_marker
from experiments.store.steps import Step, Store


def finished(store: Store, arm: str, tasks: tuple[str, ...], rows: list) -> tuple[Cell, Step]:
    """A cell whose step `probe_interaction` is done and has left these rows."""
    step = Step("probe_interaction", arm, "none:none", (), {}, False, "config")
    folder = store.path(step.folder)
    write_tables({"interaction": rows}, folder)
    write_marker(folder, {})
    return Cell(arm, 0, "shared", tasks, (), "config", {step.name: step.folder}), step


def curve(task: str, value: float) -> list[dict]:
    return [
        {"task": task, "layer": layer, "head": "mean", "mass": value, "excess": value}
        for layer in (1, 2)
    ]


@pytest.fixture
def finished_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run of three arms, as far as the command reads one."""
    store = Store(tmp_path / "runs")
    both = curve("understand", 0.5) + curve("generate", 0.25)
    made = [
        finished(store, "shared", ("understand", "generate"), both),
        finished(store, "generate_only", ("generate",), curve("generate", 0.75)),
        finished(store, "blind", ("understand",), [{"task": "generate", "note": "draws nothing"}]),
    ]
    steps = {step.folder: step for _, step in made}
    plan = SimpleNamespace(cells=tuple(one for one, _ in made), steps=steps)
    monkeypatch.setattr(probe, "read_plan", lambda runs, run: plan)
    return tmp_path / "runs"


def test_the_command_shows_finished_steps_and_the_distance_to_the_controls(finished_run, capsys):
    assert probe.main(["interaction", "--runs", str(finished_run), "--run", "toy"]) == 0
    assert "shared, seed 0: " in capsys.readouterr().out
    folder = finished_run / "toy/probes/interaction"
    rows = read_table(folder / "interaction_distances-0-model.csv")
    assert {(row["seed"], row["checkpoint"]) for row in rows} == {("0", "model")}
    assert [(row["arm"], row["task"], row["control"], row["distance"]) for row in rows] == [
        ("shared", "generate", "generate_only", "0.5"),
    ]
    assert (
        probe.main(["interaction", "--runs", str(finished_run), "--run", "toy", "--arm", "shared"])
        == 0
    )
    (row,) = read_table(folder / "interaction_distances-0-model.csv")
    assert row["note"] == "none of the arms asked for stands beside a control of its task"


def test_a_control_is_of_its_seed_trains_one_task_and_inherits_none() -> None:
    cells = (
        Cell("generate_only", 0, "shared", ("generate",), (), "", {}),
        Cell("diffusion_only", 0, "shared", ("generate",), (), "", {}),
        Cell("reader", 0, "shared", ("understand",), ("understand",), "", {}),
        Cell("understand_only", 1, "shared", ("understand",), (), "", {}),
    )
    plan: Any = SimpleNamespace(cells=cells)
    assert controls(plan, 0) == {"generate": "generate_only"}


def test_what_the_command_cannot_show_is_one_clear_error(finished_run):
    words = ["interaction", "--runs", str(finished_run)]
    with pytest.raises(ConfigError, match="must be asked of an arm that has it, got draws nothing"):
        probe.main([*words, "--arm", "blind"])
    with pytest.raises(ConfigError, match=r"must be among shared, seed 0; .*got fork, seed 0"):
        probe.main([*words, "--arm", "fork"])
    with pytest.raises(ConfigError, match=r"got any arm, seed 3"):
        probe.main([*words, "--seed", "3"])
    with pytest.raises(ConfigError, match="must have been planned with probes"):
        probe.main(["routing", "--runs", str(finished_run), "--arm", "shared"])


def test_an_unknown_checkpoint_is_refused_with_those_there_are(finished_run, tmp_path: Path):
    store = Store(finished_run)
    one, step = finished(store, "late", ("understand",), curve("understand", 0.5))
    train = store.path("train-late")
    (train / "checkpoints").mkdir(parents=True)
    (train / "checkpoints" / "step-000010.pt").touch()
    write_marker(train, {})
    step = replace(step, inputs={"train": "train-late"})
    plan: Any = SimpleNamespace(cells=(one,), steps={step.folder: step})
    with pytest.raises(ConfigError, match=r"one of model, step-000010, got 'step-3'"):
        probe.look("interaction", plan, one, store, "step-3", tmp_path)
