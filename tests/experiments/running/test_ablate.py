"""The runner as a whole, on fakes, in real processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.config import ConfigError
from experiments.evidence.collect import gather
from experiments.planning.finished_runs import read_plan
from experiments.running.ablate import INTERRUPTED, Ablation, exclusive
from experiments.running.progress import Display
from experiments.running.scheduler import Unit
from experiments.store.markers import write_text
from experiments.store.steps import StepError

SECONDS_WHEN_NOTHING_CHANGED = 10

Make = Callable[..., Ablation]


def output(ablation: Ablation) -> str:
    return ablation.console.file.getvalue()


def marker_times(ablation: Ablation) -> dict[str, int]:
    return {p.parent.name: p.stat().st_mtime_ns for p in ablation.store.steps.glob("*/DONE")}


def test_an_ablation_finishes_every_step_and_a_second_one_redoes_none(ablation: Make) -> None:
    first = ablation(arms=("control", "fork"))
    assert first.run(jobs=2, track=False) == 0
    before = marker_times(first)
    assert set(before) == set(first.plan.steps)
    again = ablation(arms=("control", "fork"))
    started = time.monotonic()
    assert again.run(jobs=2, track=False) == 0
    assert time.monotonic() - started < SECONDS_WHEN_NOTHING_CHANGED
    assert marker_times(again) == before
    assert "leaderboard_long.csv" in output(again)
    (again.folder / "claims.csv").unlink()
    assert ablation(arms=("control", "fork")).run(jobs=2, track=False) == 0
    assert (again.folder / "claims.csv").exists()


def test_a_failed_cell_does_not_stop_the_others_and_its_row_says_so(
    ablation: Make, suites: Path
) -> None:
    (suites / "suites/toy/reader.yaml").write_text("train: {behaviour: fails, tasks: [understand]}")
    run = ablation(arms=("control", "reader", "frozen"))
    assert run.run(jobs=2, track=False) == 1
    text = (run.folder / "leaderboard.md").read_text()
    assert "no result: train: train.loss must be finite, got nan at step 3." in text
    assert "no result: needs train of reader, seed 0, which failed" in text
    assert run.store.exists(run.plan.cells[0].steps["score_geneval"])


def test_a_larger_run_that_was_interrupted_leaves_no_tables_to_a_smaller_one(
    ablation: Make,
) -> None:
    small = ablation(arms=("control",))
    assert small.run(jobs=1, track=False) == 0
    table = (small.folder / "leaderboard.csv").read_text()
    larger = ablation(arms=("control",), seeds=(0, 1))
    refresh = larger.refresh

    def interrupted(unit: Unit, display: Display) -> None:
        refresh(unit, display)
        if unit.name == "control, seed 1":
            raise KeyboardInterrupt

    larger.refresh = interrupted
    assert larger.run(jobs=1, track=False) == INTERRUPTED
    assert (small.folder / "leaderboard.csv").read_text() != table
    with pytest.raises(ConfigError, match="must hold a finished run, got an unfinished one"):
        read_plan(small.runs, small.folder.name)
    again = ablation(arms=("control",))
    assert not again.up_to_date()
    assert again.run(jobs=1, track=False) == 0
    assert (small.folder / "leaderboard.csv").read_text() == table
    assert again.up_to_date()


def test_a_run_whose_files_are_cut_off_is_named(tmp_path: Path) -> None:
    outputs, plan = tmp_path / "toy" / "outputs.json", tmp_path / "plans" / "one.json"
    write_text(outputs, '{"plan": "one')
    with pytest.raises(ConfigError, match=rf"{outputs} must be JSON; run it again\."):
        read_plan(tmp_path, "toy")
    write_text(outputs, '{"plan": "one.json"}')
    for cut in ('{"cells": [', '{"cells": []}'):
        write_text(plan, cut)
        with pytest.raises(ConfigError, match="must be a plan of this version; run toy again"):
            read_plan(tmp_path, "toy")


def test_an_arm_waits_for_the_cell_that_it_needs(ablation: Make) -> None:
    run = ablation(arms=("frozen",))
    assert list(run.plan.units)[-1] == "reader, seed 0"
    assert [run.plan.steps[one].name for one in run.plan.units["reader, seed 0"]] == ["train"]
    assert run.run(jobs=2, track=False) == 0
    frozen = run.plan.steps[run.plan.cells[0].steps["train"]]
    assert frozen.inputs["language_model"] in run.plan.units["reader, seed 0"]


def test_a_cell_killed_in_the_middle_of_a_step_goes_on_where_it_stopped(
    ablation: Make, suites: Path
) -> None:
    (suites / "suites/toy/control.yaml").write_text("train: {behaviour: waits}")
    run = ablation(arms=("control",))
    train = run.plan.cells[0].steps["train"]
    runner = start_runner(run, suites)
    cell = wait_for_cell(run.store.partial(train) / "waiting")
    os.kill(runner.pid, signal.SIGKILL)
    runner.wait()
    wait_until_gone(cell)
    assert not run.store.exists(train)
    assert ablation(arms=("control",)).run(jobs=1, track=False) == 0
    lines = (run.store.path(train) / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == list(range(10))
    assert (run.store.path(train) / "starts.txt").read_text() == "0\n5\n"


def start_runner(run: Ablation, suites: Path) -> "subprocess.Popen[bytes]":
    """The same ablation in a process of its own, so that it can be killed."""
    script = (
        "import signal, sys; from pathlib import Path; from rich.console import Console\n"
        "from experiments.running.ablate import Ablation\n"
        "from experiments.planning.plan import Request\n"
        "from experiments.planning.planner import Project\n"
        "from experiments.planning.sources import ROOT, Sources\n"
        "from tests.experiments import fakes\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # as the command does
        "schema = 'tests.experiments.fakes:load_schema'\n"
        "project = Project(Path(sys.argv[1]), schema, fakes.graph, Sources(ROOT, ('tests',)))\n"
        "request = Request('toy', 'tiny', arms=('control',))\n"
        "sys.exit(Ablation(project, request, Path(sys.argv[2]), Console()).run(1, track=False))\n"
    )
    command = [sys.executable, "-c", script, str(suites), str(run.runs)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True)


def wait_for_cell(path: Path, seconds: float = 120) -> int:
    deadline = time.monotonic() + seconds
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < deadline, "the cell never started to train"
        time.sleep(0.05)
    return int(path.read_text())


def wait_until_gone(process: int, seconds: float = 60) -> None:
    """A cell ends by itself when its runner has been killed."""
    deadline = time.monotonic() + seconds
    while Path(f"/proc/{process}/status").exists():
        if "State:\tZ" in Path(f"/proc/{process}/status").read_text():
            return
        assert time.monotonic() < deadline, "the cell outlived its runner"
        time.sleep(0.05)


def test_ctrl_c_stops_the_cells_and_says_how_to_go_on(ablation: Make, suites: Path) -> None:
    (suites / "suites/toy/control.yaml").write_text("train: {behaviour: waits}")
    run = ablation(arms=("control",))
    runner = start_runner(run, suites)
    cell = wait_for_cell(run.store.partial(run.plan.cells[0].steps["train"]) / "waiting")
    runner.send_signal(signal.SIGINT)
    assert runner.wait(60) == 130
    wait_until_gone(cell)


def test_a_second_ablation_on_the_same_folder_is_refused_with_the_holder(tmp_path: Path) -> None:
    with (
        exclusive(tmp_path),
        pytest.raises(StepError, match=f"must be free.*process {os.getpid()}"),
        exclusive(tmp_path),
    ):
        pass


def test_a_damaged_step_alone_is_done_again(ablation: Make) -> None:
    run = ablation(arms=("control",))
    assert run.run(jobs=2, track=False) == 0
    before = marker_times(run)
    score = run.plan.cells[0].steps["score_vqa"]
    results = run.store.path(score) / "results.json"
    whole = results.read_text()
    results.write_text(whole[:20])
    again = ablation(arms=("control",))
    assert again.run(jobs=2, track=False) == 0
    after = marker_times(again)
    assert {name for name in after if after[name] != before[name]} == {score}
    assert results.read_text() == whole


def test_scores_of_a_training_that_is_gone_are_in_no_table(ablation: Make) -> None:
    run = ablation(arms=("control",))
    assert run.run(jobs=2, track=False) == 0
    (run.store.path(run.plan.cells[0].steps["train"]) / "DONE").unlink()
    run.store.sweep(list(run.plan.steps))
    found = gather(run.plan, run.store)
    assert (found.final, found.curve, found.summaries) == ([], [], {})
    assert found.brackets
    again = ablation(arms=("control",))
    assert again.run(jobs=2, track=False) == 0
    assert gather(again.plan, again.store).final
