"""A bridge around a published language model in an experiment: planned, trained, read back."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchmarks import protocol
from benchmarks.probes.protocol import NotApplicableError
from datamodules.world import World
from experiments.artifacts.data import save
from experiments.build import build_module, trained_module
from experiments.config import ConfigError
from experiments.language.words import text_tokens
from experiments.planning.plan import Request
from experiments.planning.planner import Planner, Project
from experiments.probing.inspected import InspectedModel
from experiments.scoring.model import TrainedModel
from experiments.sharing.exported import load_arm, save_arm
from experiments.store.markers import write_json, write_marker
from experiments.train import spent_before, train
from models.batch import pack_generate
from models.context import TrunkConfig
from models.frozen_bridge import FrozenBridgeConfig
from models.image_tokens import ImageTokenizerConfig
from models.sampling import SamplingConfig
from models.text_tokens import BEGIN_IMAGE, GENERATE
from models.tokenizers.kinds import load_codec
from models.training import TrainConfig
from tests.experiments.builders import cell_folders, tiny_config
from tests.experiments.fakes import EntryAlone
from tests.models.pretrained import tiny_checkpoints
from tests.models.pretrained.tiny_checkpoints import SIZES

STEPS = 4
CODEC = ImageTokenizerConfig(pixels=32, levels=(3, 3, 3), width=8)


@pytest.fixture
def config(tmp_path: Path) -> SimpleNamespace:
    tiny_checkpoints.save("smollm2", tmp_path / "checkpoint")
    model = FrozenBridgeConfig(
        pretrained=str(tmp_path / "checkpoint"),
        trunk=TrunkConfig(depth=1, width=32, heads=2, kv_heads=2, feed_forward=48),
        queries=4,
        connector_depth=1,
        decoder_depth=1,
        decoder_heads=2,
    )
    schedule = TrainConfig(steps=STEPS, generate_batch=4, warmup_steps=1, precision="bf16-mixed")
    return tiny_config(tokenizer=CODEC, model=model, train=schedule, stage0=schedule)


@pytest.fixture
def inputs(config: SimpleNamespace, tmp_path: Path) -> dict[str, Path]:
    """An untrained image tokenizer, and eight captions of the world with random codes."""
    folders = cell_folders(config, tmp_path, "stage0", "data", "train")
    world, words = World(config.world), text_tokens(config)
    codes = np.random.default_rng(0).integers(0, CODEC.codes, (8, CODEC.tokens_per_image))
    drawn = [
        pack_generate(words, world.caption("train", index, world.scene("train", index)), row)
        for index, row in enumerate(codes.tolist())
    ]
    save(folders["data"], "generate", drawn)
    write_json(folders["stage0"] / "summary.json", {"flops": 7, "tokens": 9})
    return folders


@pytest.mark.filterwarnings("default")
def test_a_bridge_is_trained_beside_its_checkpoint_and_read_back_without_saving_that(
    config: SimpleNamespace, inputs: dict[str, Path]
) -> None:
    train(config, {name: inputs[name] for name in ("tokenizer", "stage0", "data")}, inputs["train"])
    write_marker(inputs["train"], {})
    saved = torch.load(inputs["train"] / "model.pt", weights_only=True)
    assert {name.split(".")[1] for name in saved} == {"queries", "connector", "decoder"}
    summary = json.loads((inputs["train"] / "summary.json").read_text())
    assert summary["parameters"]["total"] - summary["parameters"]["trainable"] > 20 * 24
    assert summary["flops_before"] == 0  # neither stage 0 nor another cell
    fresh, back = build_module(config, inputs), trained_module(config, inputs)
    assert torch.equal(back.state_dict()["model.queries"], saved["model.queries"])
    assert not torch.equal(fresh.state_dict()["model.queries"], saved["model.queries"])
    prompt = [GENERATE, *text_tokens(config).encode("a photo of a dog"), BEGIN_IMAGE]
    with torch.autocast("cpu", torch.bfloat16):
        codes = back.generate([prompt], [1], SamplingConfig(flow_steps=2, chunk=1))
    assert codes.shape == (1, CODEC.tokens_per_image)


def test_an_exported_bridge_takes_its_published_model_along(
    config: SimpleNamespace, inputs: dict[str, Path], tmp_path: Path
) -> None:
    parts = (text_tokens(config), load_codec(inputs["tokenizer"]), build_module(config, inputs))
    with torch.no_grad():
        parts[-1].model.queries.mul_(2.0)  # as no new bridge has them
    model = TrainedModel(config, *parts, SamplingConfig(flow_steps=2, chunk=1), "model.pt")
    save_arm(model, config, tmp_path / "arm")
    Path(config.model.pretrained).rename(tmp_path / "gone")
    assert str(tmp_path) not in (tmp_path / "arm" / "config.json").read_text()
    exported = load_arm((tmp_path / "arm").rename(tmp_path / "moved"))
    asked = [protocol.Request("a photo of a dog", seed=1), protocol.Request("is there a dog ?")]
    for drawn, again in zip(model.generate(asked), exported.generate(asked), strict=True):
        assert np.array_equal(drawn, again)
    assert model.answer(asked) == exported.answer(asked)


def test_what_a_published_model_has_cost_does_not_count_and_a_cells_does(
    config: SimpleNamespace, inputs: dict[str, Path]
) -> None:
    assert spent_before(config, inputs).flops == 0
    config.model = replace(config.model, pretrained="")
    assert spent_before(config, inputs).flops == 7


def test_nobody_looks_into_a_published_model_for_pictures_that_it_does_not_see(
    config: SimpleNamespace, inputs: dict[str, Path]
) -> None:
    inspected = InspectedModel(config, inputs, build_module(config, inputs))
    with pytest.raises(NotApplicableError, match="a published model that sees no picture"):
        inspected.token_model("understand")


def test_the_words_stay_the_worlds_and_the_trunk_becomes_the_checkpoints(
    config: SimpleNamespace, inputs: dict[str, Path]
) -> None:
    module = build_module(config, inputs)
    trunk = module.model.language_model.trunk.config
    assert (trunk.depth, trunk.width) == (SIZES["num_hidden_layers"], SIZES["hidden_size"])
    assert module.model.queries.shape == (4, SIZES["hidden_size"])
    assert len(module.ours) == len(text_tokens(config))


def test_an_arm_whose_language_model_sees_no_image_is_not_asked_to_draw_from_pictures() -> None:
    request = Request("knowledge", "cpu-llm", arms=("bridge_in_context",))
    with pytest.raises(
        ConfigError, match=r"conditioned\.prompts must be captions for bridge_in_con"
    ):
        Planner(Project(sources=EntryAlone()), request).plan()


def test_the_preset_with_a_language_model_waits_for_no_other_cell_and_is_not_matched() -> None:
    request = Request("knowledge", "cpu-llm", arms=("frozen_bridge",))
    plan = Planner(Project(sources=EntryAlone()), request).plan()
    shared = {"artifacts", "judge", "brackets", "stage 0, seed 0"}
    assert set(plan.units) == {*shared, "frozen_bridge, seed 0"}
    values = plan.configs[plan.cells[0].config]
    assert values["model"]["pretrained"] == "smollm2"
    assert values["train"]["steps"] == 300  # the preset's own
