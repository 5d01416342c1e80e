"""A recipe from its command to a checkpoint that the benchmarks' adapters and probes take."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from benchmarks.__main__ import main as benchmarks
from benchmarks.probes.interaction import mean_curve
from benchmarks.probes.tables import read_table
from benchmarks.protocol import Request
from benchmarks.records import write_lines
from benchmarks.registry import open_model
from experiments.align.command import main
from experiments.config import ConfigError
from experiments.fitting import run_files
from models.interaction_loss import InteractionConfig, target_curve
from models.pretrained.unified.stages import published_stages
from models.pretrained.unified.tuning import UnifiedTuning
from tests.experiments.align.tiny_data import write_data, write_probed
from tests.models.pretrained.unified.tiny import DEPTH, SIDES, picture

SETTINGS = {"janus": "max_tokens=3", "emu3": "max_tokens=3&image_area=256"}
KINDS = ["janus", pytest.param("emu3", marks=pytest.mark.slow)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_tuned_checkpoint_answers_and_draws_through_the_adapter(kind: str, tune) -> None:
    model = open_model(f"hf:{tune(kind, 2)}?{SETTINGS[kind]}")
    (reply,) = model.answer([Request("a dog", (picture(kind),))])
    assert isinstance(reply, str)
    (image,) = model.generate([Request("a dog", seed=3)])
    assert image.shape == (SIDES[kind], SIDES[kind], 3)
    assert image.dtype == np.uint8


def test_a_run_logs_both_losses_and_their_ratio(tune) -> None:
    out = tune("janus", 2).parent
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    found = {line["name"]: line["value"] for line in lines}
    assert {line["step"] for line in lines} == {2}
    for task in ("understand", "generate"):
        extra, loss = found[f"train/{task}/interaction_loss"], found[f"train/{task}/loss"]
        assert found[f"train/{task}/interaction_ratio"] == pytest.approx(extra / loss)
        assert 0 < found[f"train/{task}/interaction_mass"] < 1
    assert json.loads((out / "config.json").read_text())["train"]["steps"] == 2
    assert not (out / "resume.ckpt").exists()


def test_broken_samples_of_each_task_are_named(tune, tmp_path: Path) -> None:
    listed = [{"img_path": f"{number}.png", "prompt": "a dog"} for number in range(3, 5)]
    write_lines(tmp_path / "gone.jsonl", listed)
    images = tmp_path / "data-janus" / "images"
    source = {"form": "journeydb", "path": str(tmp_path / "gone.jsonl"), "images": str(images)}
    given = f"pairs.generate={json.dumps([source])}", "pairs.max_broken=0.5"
    told = json.loads((tune("janus", 2, *given).parent / "broken.json").read_text())
    assert told["understand"] == {"read": 4, "broken": []}
    assert told["generate"]["read"] == 4
    assert [one["name"] for one in told["generate"]["broken"]] == ["gone.jsonl/4.png"] * 2
    assert f"got no file {images / '4.png'}" in told["generate"]["broken"][0]["reason"]


def distances(model: Path, images: Path, out: Path) -> dict[str, float]:
    """How far the probe finds each task's curve from its targets, mean over layers."""
    words = ["probe", "interaction", "--model", f"hf:{model}", "--images", str(images)]
    assert benchmarks([*words, "--out", str(out)]) == 0
    rows = read_table(out / "interaction.csv")
    found = {}
    for task in ("understand", "generate"):
        aims = target_curve(InteractionConfig(), task, published_stages(DEPTH))
        found[task] = float(np.abs(mean_curve(rows, task) - aims).mean())
    return found


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["janus", "emu3"])
def test_the_loss_brings_the_curves_nearer_to_their_targets_and_its_absence_does_not(
    kind: str, tune, checkpoints, tmp_path: Path
) -> None:
    images = write_probed(tmp_path / "images", SIDES[kind])
    pulled = [f"train.interaction.{task}_weight=40" for task in ("understand", "generate")]
    left = [f"train.interaction.{task}_weight=0" for task in ("understand", "generate")]
    found = {
        name: distances(model, images, tmp_path / f"probe-{name}")
        for name, model in {
            "before": checkpoints(kind),
            "with": tune(kind, 80, *pulled, name="with"),
            "without": tune(kind, 80, *left, name="without"),
        }.items()
    }
    for task in ("understand", "generate"):
        assert found["with"][task] < 0.6 * found["before"][task]
        assert found["with"][task] < 0.6 * found["without"][task]


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_to_the_same_weights(tune, monkeypatch) -> None:
    whole = load_file(tune("emu3", 4, name="whole") / "model.safetensors")
    monkeypatch.setattr(run_files, "RESUME_POINTS", 2)
    step = UnifiedTuning.training_step

    def stopped(self, batch, batch_idx):
        if self.global_step == 3:
            raise ValueError("stopped")
        return step(self, batch, batch_idx)

    with monkeypatch.context() as patched:
        patched.setattr(UnifiedTuning, "training_step", stopped)
        with pytest.raises(ConfigError, match="stopped"):
            tune("emu3", 4, name="parts")
    parts = load_file(tune("emu3", 4, name="parts") / "model.safetensors")
    assert all((parts[name] == value).all() for name, value in whole.items())


def test_a_finished_run_is_not_trained_again(tune) -> None:
    weights = tune("janus", 2) / "model.safetensors"
    written = weights.stat().st_mtime_ns
    tune("janus", 2)
    assert weights.stat().st_mtime_ns == written
    with pytest.raises(ConfigError, match=r"what the run began with, got other values of train\.$"):
        tune("janus", 3)


def test_an_unfinished_run_goes_on_by_its_own_config_alone(tune, tmp_path: Path) -> None:
    tune("janus", 2)
    (tmp_path / "janus-run" / "resume.ckpt").touch()  # as a run leaves it that was killed
    with pytest.raises(ConfigError, match=r"what the run began with, got other values of train\.$"):
        tune("janus", 2, "train.weight_decay=0.5")
    kept = json.loads((tmp_path / "janus-run" / "config.json").read_text())
    assert kept["train"]["weight_decay"] != 0.5
    tune("janus", 2)


def values(model: Path) -> dict[tuple[int, str], float]:
    lines = map(json.loads, (model.parent / "metrics.jsonl").read_text().splitlines())
    return {(d["step"], d["name"]): d["value"] for d in lines if not d["name"].endswith("ratio")}


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("kind", ["janus", "emu3"])
def test_two_processes_in_shards_tune_as_others_do(kind: str, tune) -> None:
    """Emu3's own layers drop, by process, so two are held against two that share nothing out."""
    two, shards = ("--processes", "2"), ("--processes", "2", "--strategy", "fsdp")
    without = () if kind == "janus" else two
    whole = tune(kind, 2, "train.prompt_drop=0", name="others", how=without)
    parts = tune(kind, 2, "train.prompt_drop=0", name="shards", how=shards)
    assert values(parts) == pytest.approx(values(whole), rel=1e-4)
    one, two = (load_file(model / "model.safetensors") for model in (whole, parts))
    assert one.keys() == two.keys()
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=0, atol=2e-3, msg=name)


def test_what_a_user_has_to_correct_is_one_clear_error(checkpoints, tmp_path: Path) -> None:
    given = ["--out", str(tmp_path / "out"), f"checkpoint={checkpoints('janus')}"]
    data = write_data(tmp_path / "data", SIDES["janus"])
    for words, message in (
        (["aia_llava", *given], "recipe must be one of aia_emu3, aia_janus, got 'aia_llava'"),
        (["aia_janus", *given], "pairs.understand must name sources, got none"),
        (["aia_janus", *given, "train.rate=1"], "command line: train.rate must be a known key"),
        (["aia_janus", *given, "train.steps=0"], "train.steps must be at least 1, got 0"),
        (
            ["aia_janus", *given, *data, "train.interaction.targets=values"],
            "must hold one value a layer, trunk.depth=3, got 0",
        ),
    ):
        with pytest.raises(ConfigError, match=message):
            main(words)


def test_a_run_needs_a_folder(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["aia_janus"])
    assert "--out must name the run's folder" in capsys.readouterr().err


def test_recipes_are_listed_with_their_papers(capsys) -> None:
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    assert "aia_emu3: AIA (arXiv 2511.22663), Emu3" in shown
    assert "aia_janus: AIA (arXiv 2511.22663), Janus-Pro-7B" in shown
