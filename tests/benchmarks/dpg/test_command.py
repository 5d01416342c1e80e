"""DPG from the command line: grids judged by a tiny checkpoint, records scored in both modes."""

import numpy as np
import pytest

from benchmarks import dpg
from benchmarks.__main__ import main
from benchmarks.images import write_image
from benchmarks.records import read_lines, write_lines
from benchmarks.results import Results
from tests.benchmarks.judges.tiny import save_vision_language


def row(item: str, number: int, dependency: str = "0") -> dict[str, str]:
    named = {"item_id": item, "proposition_id": str(number), "dependency": dependency}
    more = {"tuple": "entity - whole (dog)", "question_natural_language": "is there a dog ?"}
    return {**dict.fromkeys(dpg.COLUMNS, ""), **named, "text": item, **more}


@pytest.fixture
def bench(tmp_path):
    rows = [row("first", 1), row("first", 2, "1"), row("a", 1), row("a", 2, "1")]
    dpg.write_questions(tmp_path / "bench.csv", rows)
    return tmp_path / "bench.csv"


@pytest.fixture
def records(bench, tmp_path):
    """Replies made elsewhere, without a manifest: all yes but one."""
    rows = [
        {"item_id": item, "crop": crop, "proposition_id": number, "answer": "yes"}
        for item in ("first", "a")
        for crop in range(4)
        for number in (1, 2)
    ]
    rows[-1]["answer"] = "no"
    write_lines(tmp_path / "records.jsonl", rows)
    return tmp_path / "records.jsonl"


@pytest.mark.parametrize(
    ("mode", "metric", "value"),
    [
        ("fixed", "dpg.overall@mplug", 100 * (1 + 7 / 8) / 2),
        ("official", "dpg.overall@mplug-official", 100 * 7 / 8),
    ],
)
def test_both_modes_are_printed_and_the_chosen_one_is_written(
    mode, metric, value, bench, records, tmp_path, capsys
):
    arguments = ["score", "dpg", "--records", str(records), "--questions", str(bench)]
    arguments += ["--mode", mode, "--judge-name", "mplug", "--out", str(tmp_path / "out")]
    assert main(arguments) == 0
    results = Results.read(tmp_path / "out")
    assert results.protocol["mode"] == mode
    assert results.metrics[metric].value == pytest.approx(value)
    printed = capsys.readouterr().out
    assert "dpg.overall@mplug " in printed
    assert "dpg.overall@mplug-official " in printed


def test_records_that_only_the_official_code_could_score_say_so(bench, records, tmp_path, capsys):
    rows = [
        one
        for one in read_lines(records)
        if (one["item_id"], one["proposition_id"]) != ("first", 1)
    ]
    write_lines(records, rows)
    arguments = ["score", "dpg", "--records", str(records), "--questions", str(bench)]
    assert main([*arguments, "--mode", "official"]) == 0
    assert "mode fixed: no score, as replies must be complete" in capsys.readouterr().out
    assert main(arguments) == 2
    assert "4 of 16 missing or unreadable" in capsys.readouterr().err


def test_a_run_on_grids_made_elsewhere_is_judged_and_scored(bench, tmp_path, capsys):
    judge = save_vision_language(tmp_path / "tiny-llava")
    dice = np.random.default_rng(0)
    for name in ("first", "a"):
        grid = dice.integers(0, 255, (64, 64, 3), dtype=np.uint8)
        write_image(tmp_path / "images" / f"{name}.png", grid)
    arguments = [
        "run",
        "dpg",
        "--model",
        f"folder:{tmp_path / 'images'}",
        "--questions",
        str(bench),
    ]
    arguments += ["--judge", f"hf:{judge}", "--device", "cpu", "--out", str(tmp_path / "out")]
    assert main(arguments) == 2  # a random model's replies are no yes or no
    assert "replies must be complete" in capsys.readouterr().err
    assert len(read_lines(tmp_path / "out" / "records" / "records.jsonl")) == 2 * 4 * 2


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--judge", "oracle"], "--judge must be hf:FOLDER_OR_HUB_ID, got 'oracle'"),
        (["--judge", "export"], "--judge of run must answer by itself"),
    ],
)
def test_a_wrong_judge_is_one_line_and_status_two(flags, message, bench, tmp_path, capsys):
    run = ["run", "dpg", "--model", f"folder:{tmp_path}", "--questions", str(bench)]
    assert main([*run, *flags, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
