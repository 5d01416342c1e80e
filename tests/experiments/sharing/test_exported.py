"""An arm as a folder: it draws and answers as in its run, and a damaged one is refused."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file
from transformers import PreTrainedTokenizerFast

from benchmarks.protocol import Request
from datamodules.world import World, WorldConfig
from experiments.__main__ import main
from experiments.config import ConfigError
from experiments.evidence.collect import gather
from experiments.language import LanguageConfig
from experiments.planning.finished_runs import read_plan
from experiments.sharing import benchmarks_command
from experiments.sharing.cells import trained_cell
from experiments.sharing.export_model import export_model
from experiments.sharing.exported import load_arm
from experiments.sharing.model_card import model_card
from experiments.store.steps import Store
from models.merged import MergedConfig
from tests.experiments.sharing.conftest import RUN

WORLD = World(WorldConfig(classes=4, colours=4))
SCENE = WORLD.scene("dev", 0)
REQUESTS = [Request(WORLD.full_caption(SCENE), seed=seed) for seed in (0, 1)]
QUESTIONS = [Request("is there a dog ?", images=(WORLD.render(SCENE),)), Request("what barks ?")]


@pytest.mark.parametrize("arm", ["shared", "task_moe", "frozen_bridge"])
def test_an_exported_arm_draws_and_answers_bit_for_bit_as_in_its_run(
    arm: str, runs: Path, tmp_path: Path
) -> None:
    assert (
        main(
            [
                "export-model",
                "--run",
                RUN,
                "--arm",
                arm,
                "--runs",
                str(runs),
                "--out",
                str(tmp_path / "out"),
            ]
        )
        == 0
    )
    cell = trained_cell(read_plan(runs, RUN), Store(runs), arm, 0)
    model = cell.model()
    exported = load_arm(tmp_path / "out")
    np.testing.assert_array_equal(exported.generate(REQUESTS), model.generate(REQUESTS))
    assert exported.answer(QUESTIONS) == model.answer(QUESTIONS)
    ours, theirs = dict(exported.protocol), dict(model.protocol)
    assert ours.pop("checkpoint") == str(tmp_path / "out")
    theirs.pop("checkpoint")
    assert ours == theirs
    assert ours["guidance"] == 1.5


def test_the_words_are_a_tokenizer_of_transformers_that_refuses_what_is_no_word(
    folder: Path,
) -> None:
    theirs = PreTrainedTokenizerFast(tokenizer_file=str(folder / "tokenizer.json"))
    ours = load_arm(folder).words
    text = "a photo of two red dogs ."
    assert theirs.encode(text) == ours.encode(text)
    assert theirs.encode("<image> dog </image>") == [4, ours.encode("dog")[0], 5]
    with pytest.raises(Exception, match="Missing"):
        theirs.encode("a toothbrush")


def test_the_benchmarks_take_an_exported_arm_for_a_model(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(benchmarks_command.ADAPTERS, "arm", raising=False)
    prompts = tmp_path / "prompts.jsonl"
    record = {"tag": "single_object", "include": [{"class": "dog", "count": 1}]}
    prompts.write_text(json.dumps({**record, "prompt": "a photo of a dog"}) + "\n")
    asked = ["--prompts", str(prompts), "--images-per-prompt", "1", "--seeds", "running"]
    asked += ["--out", str(tmp_path / "out")]
    assert main(["benchmarks", "generate", "geneval", "--model", f"arm:{folder}", *asked]) == 0
    assert len([*(tmp_path / "out").rglob("*.png")]) == 1
    assert f"{folder}" in (tmp_path / "out/manifest.json").read_text()
    assert main(["benchmarks", "generate", "geneval", "--model", f"arm:{tmp_path}", *asked]) == 2


def test_the_card_tells_what_the_run_says(folder: Path) -> None:
    card = (folder / "README.md").read_text()
    assert card.startswith("---\nlicense: apache-2.0\n")
    assert "# shared of Forkroad's suite toy, seed 0" in card
    assert "`shared`: every layer serves both tasks." in card
    assert "4 classes in 4 colours" in card
    assert "tiny (toy, not evidence)" in card
    assert "| parameters, active for understand | 1,000 |" in card
    assert "| training FLOPs | 2.5e+09 |" in card
    assert "| commit | 0123456789ab |" in card
    assert "| vqa.overall@world-4x4-32px | 0.750 | 0.500 to 1.000 | 8 |" in card
    assert "vqa.count" not in card  # no headline of this suite


def test_a_card_says_of_an_arm_what_it_was_trained_to_do_and_on_what(runs: Path) -> None:
    plan, store = read_plan(runs, RUN), Store(runs)
    own, found = trained_cell(plan, store, "understand_only", 0), gather(plan, store)
    card = model_card(found, own.cell, own.config)
    assert "It answers a question about an image, 32 x 32 pixels" in card
    assert "draw" not in card.partition("## Limits")[0]
    assert "generate" not in card
    stated = plan.configs[own.cell.config]
    stated["pairs"]["understand"] = [{"form": "mjhq", "path": "a.json"}]
    stated["stage"]["name"] = "tuning"
    card = model_card(found, own.cell, own.config)
    assert "trained on pictures with texts of its user's own." in card
    assert card.startswith("---\nlicense: other\n")
    assert "| stages | tuning |" in card
    assert "| steps of the last stage | 3 |" in card


def test_a_card_of_a_merged_arm_tells_of_no_training_of_its_own(runs: Path) -> None:
    plan, store = read_plan(runs, RUN), Store(runs)
    own = trained_cell(plan, store, "shared", 0)
    own.config.model = MergedConfig(trunk=own.config.model.trunk)
    card = model_card(gather(plan, store), own.cell, own.config)
    assert "| weights | merged from two trained arms |" in card
    assert "steps" not in card


def test_a_card_has_the_scores_of_its_own_seed_alone(runs: Path) -> None:
    plan, store = read_plan(runs, RUN), Store(runs)
    own, found = trained_cell(plan, store, "shared", 0), gather(plan, store)
    found.final += [replace(row, seed=1, value=0.625) for row in found.final]
    card = model_card(found, own.cell, own.config)
    assert "| 0.750 |" in card
    assert "| 0.625 |" not in card


def test_a_card_names_the_published_model_that_an_arm_speaks_by(runs: Path) -> None:
    plan, store = read_plan(runs, RUN), Store(runs)
    own = trained_cell(plan, store, "shared", 0)
    own.config.language = LanguageConfig(checkpoint="Qwen/Qwen2.5-0.5B")
    card = model_card(gather(plan, store), own.cell, own.config)
    assert card.startswith("---\nbase_model: Qwen/Qwen2.5-0.5B\ntags:")
    assert "first weights are those of Qwen/Qwen2.5-0.5B" in card
    assert "tokenizer.json" not in card


def test_a_card_names_the_published_model_that_an_arm_is_a_bridge_to(runs: Path) -> None:
    plan, store = read_plan(runs, RUN), Store(runs)
    own = trained_cell(plan, store, "frozen_bridge", 0)
    own.config.model = replace(own.config.model, pretrained="Qwen/Qwen2.5-0.5B")
    card = model_card(gather(plan, store), own.cell, own.config)
    assert card.startswith("---\nbase_model: Qwen/Qwen2.5-0.5B\ntags:")
    assert "Its language model is Qwen/Qwen2.5-0.5B" in card
    assert "`tokenizer.json`" in card  # its words are the world's


def test_an_arm_has_the_precision_that_it_was_trained_in(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    edited("config.json", '"precision": "32-true"', '"precision": "16-mixed"')(tmp_path / "copy")
    assert load_arm(tmp_path / "copy").precision == "16-mixed"


def broken_weights(change: Callable[[dict], object]) -> Callable[[Path], object]:
    def damage(folder: Path) -> None:
        tensors = load_file(folder / "model.safetensors")
        change(tensors)
        save_file(tensors, folder / "model.safetensors")

    return damage


def edited(name: str, old: str, new: str) -> Callable[[Path], object]:
    def damage(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return damage


def shortened(folder: Path) -> None:
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:-100])


def swapped(tensors: dict) -> None:
    first = next(iter(tensors))
    tensors["elsewhere"] = tensors.pop(first)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (broken_weights(swapped), "(?s)must hold this arm's tensors.*Missing key.*Unexpected key"),
        (shortened, "model.safetensors must be a whole safetensors file"),
        (edited("tokenizer.json", '"<pad>": 0', '"<pad>": 999'), "must begin with"),
        (edited("tokenizer.json", '"vocab"', '"words"'), "must be a word-level tokenizer"),
        (
            edited("config.json", '"classes"', '"clases"'),
            "config.json: world.clases must be a known",
        ),
        (lambda folder: (folder / "config.json").unlink(), "must hold an exported arm, got no"),
        (lambda folder: (folder / "config.json").write_text("[]"), "must hold a mapping, got list"),
        (lambda folder: (folder / "config.json").write_bytes(b"\xff"), "config.json must be JSON"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "tokenizer.json must exist"),
    ],
)
def test_a_damaged_folder_is_refused_by_the_name_of_its_file(
    folder: Path, tmp_path: Path, damage: Callable[[Path], object], message: str
) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    damage(tmp_path / "copy")
    with pytest.raises(ValueError, match=message):
        load_arm(tmp_path / "copy")


def test_an_arm_that_is_not_there_and_a_folder_that_is_taken_are_named(
    runs: Path, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=r"must be one of shared of seed 0, .* got mot of seed 0"):
        export_model(runs, RUN, "mot", 0, tmp_path / "new")
    for taken in (folder, folder / "README.md"):
        with pytest.raises(ConfigError, match="--out must be a new or empty folder"):
            export_model(runs, RUN, "shared", 0, taken)
    with pytest.raises(ConfigError, match=r"shared, seed 0: .*Not a directory"):
        export_model(runs, RUN, "shared", 0, folder / "README.md" / "arm")


def test_an_empty_folder_may_be_there_before_the_arm(runs: Path, tmp_path: Path) -> None:
    export_model(runs, RUN, "shared", 0, tmp_path)
    assert load_arm(tmp_path).protocol["architecture"] == "shared"


def test_a_run_of_code_that_knew_less_of_a_config_is_refused_by_the_part_it_lacks(
    runs: Path,
) -> None:
    plan = read_plan(runs, RUN)
    steps = {
        folder: replace(step, parts=tuple(part for part in step.parts if part != "encoder"))
        for folder, step in plan.steps.items()
    }
    with pytest.raises(ConfigError, match=r"shared, seed 0 must have been .* without encoder"):
        trained_cell(replace(plan, steps=steps), Store(runs), "shared", 0)
