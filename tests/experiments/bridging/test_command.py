"""The command: both stages of a YAML, and what it refuses."""

import json
from pathlib import Path

import pytest
import yaml

from experiments.__main__ import FAILED, main
from experiments.bridging.fit import BRIDGE
from tests.experiments.bridging.conftest import captions, mined


@pytest.fixture
def path(parts: Path, tmp_path: Path) -> Path:
    """A recipe of two stages of one step each."""
    train = {"steps": 1, "batch": 2, "precision": "32-true"}
    sources = {"pretrain": captions(parts), "instruct": mined(parts)}
    values = {
        "parts": {"reader": str(parts / "looking"), "decoder": str(parts / "sana")},
        "model": {"queries": 4, "connector_depth": 1},
        "stages": {
            name: {
                "sources": [{"form": one.form, "path": one.path, "images": one.images}],
                "train": train,
            }
            for name, one in sources.items()
        },
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(values))
    return tmp_path / "mine.yaml"


def test_a_yaml_is_trained_stage_by_stage(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["bridge", str(path), "--runs", str(tmp_path / "runs")]
    assert main(command) == 0
    shown = capsys.readouterr().out
    for stage in ("pretrain", "instruct"):
        folder = tmp_path / "runs" / "mine" / stage
        assert (folder / BRIDGE / "bridge.json").is_file()
        assert json.loads((folder / "summary.json").read_text())["pairs"] == 2
        assert str(folder) in shown
    assert main([*command, "stages.instruct.train.steps=2"]) == FAILED
    assert "what the run began with, got other values of stage instruct" in capsys.readouterr().err


def test_what_cannot_be_read_ends_with_one_line(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = [str(path), "--runs", str(tmp_path / "runs")]
    assert main(["bridge", *place, "stages.pretrain.sources=[]"]) == FAILED
    assert "sources of a stage must name data, got none" in capsys.readouterr().err
    assert main(["bridge", *place, "--plan", "--devices", "8xabacus"]) == FAILED
    assert "--devices must read like 8xh100" in capsys.readouterr().err
    assert main(["bridge", *place, "--plan", "--devices", "3xh100"]) == FAILED
    wanted = "train.batch must be a multiple of 3, the devices times accumulate"
    assert wanted in capsys.readouterr().err
    assert main(["bridge", *place, "--plan", "--prompt-tokens", "0"]) == FAILED
    assert "--prompt-tokens must be at least 1, got 0" in capsys.readouterr().err
    assert main(["bridge", *place, "--processes", "0"]) == FAILED
    assert "--processes must be at least 1, got 0" in capsys.readouterr().err


def test_the_cost_of_every_stage_is_printed_and_nothing_trained(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["--runs", str(tmp_path / "runs"), "--devices", "2xh100", "--prompt-tokens", "8"]
    assert main(["bridge", str(path), "--plan", *place]) == 0
    shown = capsys.readouterr().out
    assert shown.count("pretrain") == shown.count("instruct") == 2
    assert "A prompt has 8 tokens" in shown
    assert not (tmp_path / "runs").exists()
