"""What an ablation leaves: both CSVs, markdown, TeX, the report, and the exported reference."""

import csv
import gzip
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.config import ConfigError
from experiments.evidence.collect import judge_name
from experiments.reporting.export import export, replace_folder, run_folder, target_folder
from experiments.reporting.leaderboard import KINDS, to_csv, to_markdown, to_tex
from experiments.reporting.readme import END, START, with_table
from experiments.reporting.results import find_run
from experiments.running.ablate import Ablation

WIDE = (
    "suite, arm, architecture, preset, stamp, n_seeds, params_total, params_active_understand, "
    "params_active_generate, params_trainable, train_flops, tokens_seen, wall_time_s, "
    "peak_memory_bytes"
)
LONG = (
    "suite, arm, seed, tokens_seen, benchmark, metric, value, stderr, ci_low, ci_high, n, "
    "higher_is_better, protocol, judge, config_hash, data_hash, git_commit, mlflow_run_id, source, "
    "stamp"
)
PARTS = ("", ".std", ".ci_low", ".ci_high", ".delta", ".p_value", ".verdict", ".n_seeds")


@pytest.mark.parametrize(
    ("judge", "name"),
    [
        ({"judge": "learnt", "threshold": 0.3}, "learnt"),
        ({"extractor": "efficientnet-lite0"}, "efficientnet-lite0"),
        ("gpt", "gpt"),
        ({}, ""),
    ],
)
def test_a_row_names_its_judge_or_what_saw_its_features(judge: object, name: str) -> None:
    assert judge_name({"judge": judge}) == name


@pytest.fixture
def finished(ablation: Callable[..., Ablation]) -> Ablation:
    run = ablation(arms=("control", "fork", "reader"))
    assert run.run(jobs=2, track=False) == 0
    return run


def read(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


def test_an_ablation_leaves_all_that_a_paper_and_a_reader_need(finished: Ablation) -> None:
    check_wide(finished)
    check_long(finished)
    check_report(finished)
    check_export(finished)


def check_wide(finished: Ablation) -> None:
    rows = read(finished.folder / "leaderboard.csv")
    metrics = [f"{b}.overall@world-4x4-8px{part}" for b in ("vqa", "geneval") for part in PARTS]
    assert list(rows[0]) == [*WIDE.split(", "), *metrics]
    by_arm = {row["arm"]: row for row in rows}
    assert set(by_arm) == {"control", "fork", "reader", "ceiling", "floor", "chance"}
    assert by_arm["reader"]["geneval.overall@world-4x4-8px"] == ""
    assert by_arm["reader"]["params_active_generate"] == ""
    assert by_arm["fork"]["architecture"] == "fork"
    assert by_arm["fork"]["geneval.overall@world-4x4-8px.p_value"] == ""
    assert by_arm["fork"]["geneval.overall@world-4x4-8px.verdict"].startswith("undecided: seeds")
    assert by_arm["ceiling"]["n_seeds"] == ""
    assert by_arm["fork"]["geneval.overall@world-4x4-8px.n_seeds"] == "1"
    assert {row["stamp"] for row in rows} == {"toy"}
    assert r"\textbf{toy}" in (finished.folder / "leaderboard.tex").read_text()


def check_long(finished: Ablation) -> None:
    rows = read(finished.folder / "leaderboard_long.csv")
    assert list(rows[0]) == LONG.split(", ")
    assert len({row["tokens_seen"] for row in rows if row["arm"] == "fork"}) >= 5
    protocols = json.loads((finished.folder / "protocols.json").read_text())
    assert {row["protocol"] for row in rows} == set(protocols)
    assert {row["judge"] for row in rows} == {"exact"}
    assert all(row["git_commit"] and row["source"] == "measured" for row in rows)
    assert {row["stamp"] for row in rows} == {"toy"}


def check_report(finished: Ablation) -> None:
    page = (finished.folder / "report.html").read_text()
    assert page.count("<script>") == 1  # our own, which unpacks figures
    assert "a &lt;script&gt;alert(1)&lt;/script&gt; dog" in page
    assert page.count("data:image/png;base64,") == 4
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert 'name="viewport"' in page
    for text in ("undecided: seeds", "no person has checked", "CC-BY 4.0", "toy"):
        assert text in page


def check_export(finished: Ablation) -> None:
    target = finished.runs / "results" / "reference"
    export(finished.folder, target)
    scores = json.loads((target / "scores.json").read_text())
    assert scores["fork, seed 0"]["score_vqa"]["benchmark"] == "vqa"
    assert (target / "report.html").exists()
    packed = gzip.decompress((target / "leaderboard_long.csv.gz").read_bytes())
    assert packed == (finished.folder / "leaderboard_long.csv").read_bytes()
    (claim,) = read(target / "claims.csv")
    assert claim["stamp"] == "toy"
    assert (claim["claim"], claim["seeds"], claim["n_seeds"]) == (
        "fork_draws",
        "undecided: seeds",
        "1",
    )
    assert (target / "probes.jsonl").read_text() == ""
    check_too_large_to_export(finished, target)
    check_export_that_fails(finished, target)
    assert find_run("toy-tiny", finished.runs) == finished.folder
    with pytest.raises(ConfigError, match=r"run must be one of .*toy-tiny.*, got 'other'"):
        find_run("other", finished.runs)


def check_too_large_to_export(finished: Ablation, target: Path) -> None:
    """What was exported before stays as it was."""
    report, before = finished.folder / "report.html", (target / "report.html").read_bytes()
    whole = report.read_text()
    report.write_text(whole + " " * 1_000_000)
    with pytest.raises(ConfigError, match=r"at most 1000000 bytes, got 1\d{6}: .*report\.html"):
        export(finished.folder, target)
    assert (target / "report.html").read_bytes() == before
    report.write_text(whole)


def check_export_that_fails(finished: Ablation, target: Path) -> None:
    """A step that is gone is named, and what was exported before stays."""
    before = {path.name: path.read_bytes() for path in target.iterdir()}
    score = finished.store.path(finished.plan.cells[0].steps["score_vqa"])
    score.rename(score.with_name("elsewhere"))
    with pytest.raises(ConfigError, match="every step finished, got no score_vqa of control, seed"):
        export(finished.folder, target)
    score.with_name("elsewhere").rename(score)
    assert {path.name: path.read_bytes() for path in target.iterdir()} == before


def test_a_folder_is_replaced_whole_or_stays_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "results" / "one"
    replace_folder(target, {"a": b"1"})
    with pytest.raises(OSError, match="there"):
        replace_folder(target, {"b": b"2", "not/there": b"3"})
    assert [path.name for path in target.iterdir()] == ["a"]
    replace_folder(target, {"b": b"2"})
    assert [path.name for path in target.iterdir()] == ["b"]
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("name", ["", ".", "..", "/tmp/somewhere", "a/b", "../a", ".git", "a\n"])
def test_a_name_that_could_lead_out_of_the_results_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"--name must be one folder's name.*got"):
        target_folder(name)


def test_a_run_is_exported_from_its_own_folder_and_not_from_a_committed_one(
    tmp_path: Path,
) -> None:
    with pytest.raises(ConfigError, match=r"--run must be a run below .*committed .*reference"):
        run_folder("reference", tmp_path)
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "leaderboard.md").touch()
    assert run_folder("reference", tmp_path) == tmp_path / "reference"


def test_missing_values_are_empty_and_zero_is_zero() -> None:
    assert to_csv(["a", "b", "c"], [{"a": None, "b": 0}]) == "a,b,c\n,0,\n"


def test_text_of_a_table_cannot_break_out_of_it() -> None:
    assert "a\\|b" in to_markdown(["x"], [["a|b"]], "")
    assert r"50\% \& \_" in to_tex(["x", "y"], [["50% & _", ""]])


def test_a_stamp_stands_above_the_table() -> None:
    assert to_markdown(["x"], [], "toy, not evidence").startswith("**toy, not evidence**")


def test_the_readmes_table_is_replaced_between_its_marks_alone() -> None:
    readme = f"before\n{START}\nold\n{END}\nafter"
    for table in ("new\n", f"new\n\n{KINDS}; a note.\n"):
        assert with_table(readme, table) == f"before\n{START}\nnew\n{END}\nafter"
    with pytest.raises(ConfigError, match=r"README\.md must hold"):
        with_table("nothing", "new")
