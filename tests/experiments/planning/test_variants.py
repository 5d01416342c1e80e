"""Cells whose steps differ, arms that start from others, and sizes that equal another arm's."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from datamodules.sequences import DataConfig
from datamodules.world import WorldConfig
from experiments.artifacts.features import features
from experiments.build import build_module, text_module
from experiments.config import Layer
from experiments.fitting.fit import Spent, save_weights
from experiments.match import equal_feed_forward, match, trunk_parameters
from experiments.merge import merge
from experiments.planning.graph import cell_steps
from experiments.planning.graph_variants import VARIANTS
from experiments.planning.suite import load_preset, load_suite, resolve_arm
from experiments.schema import load_schema
from experiments.store.steps import load_function
from experiments.train import spent_before
from models.fork_random import ForkRandomConfig
from models.merged import MergedConfig
from models.shared import SharedConfig
from models.task_moe import TaskMoEConfig
from models.tokenizers.efficientnet import CELLS, CHANNELS
from models.tokenizers.encoders import EncoderConfig
from models.tokenizers.kinds import load_codec
from models.training import TrainConfig
from models.unifork import UniForkConfig
from tests.experiments.builders import TRUNK, cell_folders, tiny_config

BOTH = ("understand", "generate")
TRAIN = TrainConfig(precision="32-true")


def test_a_variants_steps_exist_and_each_follows_its_inputs() -> None:
    for variant in VARIANTS.values():
        steps = variant(cell_steps(BOTH))
        seen: set[str] = set()
        for name, kind in steps.items():
            assert set(kind.inputs) <= seen, name
            seen.add(name)
        assert callable(load_function(steps["train"].entry))
    assert "features" in VARIANTS["features"](cell_steps(BOTH))["train"].inputs
    assert "data" not in VARIANTS["merge"](cell_steps(BOTH))["train"].inputs


@pytest.mark.parametrize("name", ["unifork", "fork_random"])
def test_a_fork_with_nothing_to_fork_is_the_shared_cell(name: str) -> None:
    kind = {"unifork": UniForkConfig, "fork_random": ForkRandomConfig}[name]
    assert kind(trunk=TRUNK, fork_share=1.0).canonical() == SharedConfig(trunk=TRUNK)
    by_share, by_number = kind(trunk=TRUNK, fork_share=0.4), kind(trunk=TRUNK, fork_at=1)
    assert by_share.canonical() == by_number.canonical()
    assert by_share.canonical().name == name
    with pytest.raises(ValueError, match=r"model\.fork_share must lie in \[0, 1\], got 1\.5"):
        kind(fork_share=1.5)
    with pytest.raises(ValueError, match=r"model\.fork_share must be left out beside .* got 1\."):
        kind(trunk=TRUNK, fork_share=0.0, fork_at=1)


@pytest.mark.parametrize("fork_at", [0, 1])
def test_a_wide_trunk_has_the_forks_parameters_up_to_half_a_unit_of_width(fork_at: int) -> None:
    fork = UniForkConfig(trunk=TRUNK, fork_at=fork_at)
    width = equal_feed_forward(SharedConfig(trunk=TRUNK), fork)
    wide = trunk_parameters(SharedConfig(trunk=TRUNK), width)
    unit = 3 * TRUNK.width * TRUNK.depth
    assert width > TRUNK.feed_forward
    assert abs(wide - trunk_parameters(fork, TRUNK.feed_forward)) <= unit / 2


def test_stages_divide_the_steps_of_the_control_and_leave_sizes_alone() -> None:
    control = SimpleNamespace(model=SharedConfig(trunk=TRUNK), train=replace(TRAIN, steps=100))
    stage = SimpleNamespace(model=TaskMoEConfig(trunk=TRUNK), train=replace(TRAIN, stages=3))
    assert match(stage, control, "active") == {"train.steps": 33}
    assert match(control, control, "active") == {}


def test_the_wide_arm_of_fork_depth_is_sized_by_its_fork() -> None:
    suite, nothing = load_suite("fork_depth"), Layer("command line", {})
    wide, fork, control = (
        resolve_arm(load_schema(), suite, load_preset("smoke"), arm, nothing)
        for arm in ("shared_wide", "unifork", "shared")
    )
    assert wide.model.name == "shared"
    assert wide.model.trunk.feed_forward == equal_feed_forward(control.model, fork.model)


def summary(folder: Path, flops: int, tokens: int, before: int = 0) -> Path:
    folder.mkdir(exist_ok=True)
    about = {
        "flops": flops,
        "tokens": tokens,
        "flops_before": before,
        "tokens_before": before,
        "tokens_by_task": dict.fromkeys(BOTH, tokens - before),
        "sequences": dict.fromkeys(BOTH, 5),
    }
    (folder / "summary.json").write_text(json.dumps(about))
    return folder


def test_what_an_arm_starts_from_counts_and_stage_0_counts_once(tmp_path: Path) -> None:
    config = SimpleNamespace(train=TRAIN, model=SharedConfig())
    folders = {
        "stage0": summary(tmp_path / "stage0", 10, 1),
        "start": summary(tmp_path / "start", 110, 11),
        "features": summary(tmp_path / "features", 7, 0),
    }
    alone = {"stage0": folders["stage0"]}
    scratch = SimpleNamespace(train=replace(TRAIN, init="scratch"), model=SharedConfig())
    assert spent_before(config, alone) == Spent(10, 1)
    assert spent_before(scratch, alone) == Spent()
    assert spent_before(config, {**alone, "features": folders["features"]}) == Spent(17, 1)
    assert spent_before(config, {**alone, "start": folders["start"]}) == Spent(110, 11)


@pytest.fixture
def cell(tmp_path: Path) -> tuple[SimpleNamespace, dict[str, Path]]:
    """A tiny config and its folders: tokenizer, stage 0 and two trained cells of one task each."""
    config = tiny_config(
        world=WorldConfig(),
        data=DataConfig(questions=2),
        model=MergedConfig(trunk=TRUNK, fit_steps=2),
        train=TRAIN,
        stage0=TRAIN,
    )
    inputs = cell_folders(config, tmp_path, "stage0", *BOTH)
    text = text_module(config, load_codec(inputs["tokenizer"]))
    save_weights(text.state_dict(), inputs["stage0"] / "model.pt")
    summary(inputs["stage0"], 10, 1)
    generator = torch.Generator().manual_seed(1)
    for task in BOTH:
        other = "image_head" if task == "understand" else "text_head"
        state = {
            name: value
            + (0 if other in name else 0.1) * torch.randn(value.shape, generator=generator)
            for name, value in text.state_dict().items()
        }
        save_weights(state, inputs[task] / "model.pt")
        summary(inputs[task], 110, 11, before=10)
    return config, inputs


def test_merging_leaves_what_training_leaves(
    cell: tuple[SimpleNamespace, dict[str, Path]], tmp_path: Path
) -> None:
    config, inputs = cell
    out = tmp_path / "out"
    out.mkdir()
    merge(config, inputs, out)
    found = torch.load(out / "model.pt")
    assert list(found) == list(build_module(config, inputs).state_dict())
    about = json.loads((out / "summary.json").read_text())
    assert about["tokens"] == 11 + 11 - 10
    assert about["flops_before"] == 110 + 110 - 10 < about["flops"]
    lines = [json.loads(one) for one in (out / "metrics.jsonl").read_text().splitlines()]
    assert [one["step"] for one in lines] == [0, 1]
    coefficients = json.loads((out / "coefficients.json").read_text())
    assert [len(coefficients[task]) for task in BOTH] == [3, 3]
    assert any(one != 0.5 for one in coefficients["understand"])
    trained = torch.load(inputs["generate"] / "model.pt")
    assert torch.equal(found["model.image_head.weight"], trained["model.image_head.weight"])


def test_arms_with_an_encoder_are_merged_on_what_it_sees(
    cell: tuple[SimpleNamespace, dict[str, Path]], tmp_path: Path
) -> None:
    config, inputs = cell
    config.encoder = EncoderConfig(kind="efficientnet")
    start = build_module(config, inputs).state_dict()
    for task in BOTH:
        moved = {name: value + 0.01 for name, value in start.items()}
        save_weights(moved, inputs[task] / "model.pt")
    out = tmp_path / "out"
    out.mkdir()
    merge(config, inputs, out)
    found = torch.load(out / "model.pt")
    assert list(found) == list(start)
    assert not torch.equal(found["model.adapter_input.weight"], start["model.adapter_input.weight"])


def test_the_mean_of_two_cells_is_the_mean_of_their_weights(
    cell: tuple[SimpleNamespace, dict[str, Path]], tmp_path: Path
) -> None:
    config, inputs = cell
    config.model = MergedConfig(trunk=TRUNK)
    out = tmp_path / "out"
    out.mkdir()
    merge(config, inputs, out)
    found = torch.load(out / "model.pt")
    parts = [torch.load(inputs[task] / "model.pt") for task in BOTH]
    name = "model.trunk.layers.0.attention.query.weight"
    torch.testing.assert_close(found[name], (parts[0][name] + parts[1][name]) / 2)


def test_an_arm_that_goes_on_starts_as_the_trained_one(
    cell: tuple[SimpleNamespace, dict[str, Path]],
) -> None:
    config, inputs = cell
    config.model = SharedConfig(trunk=TRUNK)
    trained = torch.load(inputs["generate"] / "model.pt")
    same = build_module(config, {**inputs, "start": inputs["generate"]}).state_dict()
    assert all(torch.equal(value, trained[name]) for name, value in same.items())
    config.model = TaskMoEConfig(trunk=TRUNK)
    experts = build_module(config, {**inputs, "start": inputs["generate"]}).state_dict()
    for name in ("model.image_head.weight", "model.trunk.layers.1.attention.key.weight"):
        assert torch.equal(experts[name], trained[name])


def test_features_are_those_of_the_pictures_that_questions_are_about(tmp_path: Path) -> None:
    data = SimpleNamespace(scenes=3, fact_share=0.0015, text_share=0.0)
    features(SimpleNamespace(world=WorldConfig(), encoder=EncoderConfig(), data=data), {}, tmp_path)
    found = np.load(tmp_path / "features.npy")
    assert found.shape == (1, CELLS**2, CHANNELS)
    assert np.load(tmp_path / "pictures.npy").tolist() == [-1, -1, 0]
    about = json.loads((tmp_path / "summary.json").read_text())
    assert about["pictures"] == 1
    assert 1e7 < about["flops"] < 1e8
