"""The synthetic records of the speed figures are of the sizes that they are named for."""

from pathlib import Path

import pytest

from benchmarks import dpg, geneval
from benchmarks.records import read_lines
from experiments.__main__ import COMMANDS
from experiments.config import ConfigError
from experiments.perf import scoring as perf_scoring


def test_synthetic_records_are_scored_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(perf_scoring, "GENEVAL_PROMPTS", 4)
    monkeypatch.setattr(perf_scoring, "DPG_ITEMS", 3)
    results = geneval.score(*perf_scoring.geneval_files(tmp_path / "g"), judge_name="synthetic")
    assert results.n_scored == 4 * 4
    assert results.metrics["geneval.overall@synthetic"].value == 0.5  # every second image
    records, questions = perf_scoring.dpg_files(tmp_path / "d")
    assert len(read_lines(records)) == 3 * 13 * 4
    assert dpg.score(records, questions, judge_name="synthetic").n_scored > 0
    assert "GenEval, 2212 images" in perf_scoring.LIMITS
    assert perf_scoring.IMAGES_PER_PROMPT * 553 == 2212


def test_a_count_below_one_is_refused_before_anything_is_measured():
    for command in ("perf", "perf-interaction", "perf-frozen", "perf-scoring"):
        with pytest.raises(ConfigError, match="--threads must be at least 1, got 0"):
            COMMANDS[command](["--threads", "0"])


def test_moments_are_those_of_all_rows(monkeypatch: pytest.MonkeyPatch):
    for name, value in (("IMAGES", 20), ("FEATURES", 3), ("CHUNK", 10)):
        monkeypatch.setattr(perf_scoring, name, value)
    assert perf_scoring.moments(0).count == 20
