"""Targets measured from the controls: planted masses are found, and training gets them."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from datamodules.features import NO_PICTURE, save_features
from datamodules.world import World, WorldConfig
from experiments.artifacts.data import save
from experiments.build import build_module
from experiments.config import ConfigError
from experiments.control_masses import FILE, mean_masses, with_measured_targets
from experiments.planning.suite import load_suite
from models.batch import pack_generate, pack_understand, pad
from models.context import TrunkConfig
from models.image_tokens import ImageTokenizer, ImageTokenizerConfig
from models.interaction_loss import InteractionConfig
from models.module import SharedModule
from models.shared import SharedConfig
from models.text_tokens import TextTokens
from models.tokenizers.encoders import EFFICIENTNET, EncoderConfig
from models.training import TrainConfig
from models.unified import Vocabulary
from tests.experiments.builders import tiny_config

CODEC = ImageTokenizerConfig(pixels=16, patch=4, levels=(3, 3, 3), width=8)
DEPTH = 2
ASKED = InteractionConfig(understand_weight=1.0, generate_weight=1.0, targets="controls")
CONTROLS = {"understand": "understand_control", "generate": "generate_control"}


def uniform(module: SharedModule) -> SharedModule:
    """With no keys every position attends to all it may see alike."""
    with torch.no_grad():
        for layer in module.model.trunk.layers:
            layer.attention.key.weight.zero_()
    return module


@pytest.fixture
def config() -> SimpleNamespace:
    trunk = TrunkConfig(depth=DEPTH, width=32, heads=2, kv_heads=2, feed_forward=48)
    train = TrainConfig(init="scratch", precision="32-true", interaction=ASKED)
    model = SharedConfig(trunk=trunk)
    return tiny_config(world=WorldConfig(), model=model, train=train)


@pytest.fixture
def inputs(tmp_path: Path, config: SimpleNamespace) -> dict[str, Path]:
    """Tokenizer, data, and two controls whose attention is uniform."""
    words, codec = TextTokens(World(config.world).vocabulary), ImageTokenizer(CODEC)
    codec.save(str(tmp_path / "tokenizer.pt"))
    codes = np.random.default_rng(0).integers(0, CODEC.codes, (6, 16)).tolist()
    stores = {
        "generate": [pack_generate(words, "a photo of a dog", code) for code in codes],
        "understand": [
            pack_understand(words, code, [("is there a dog ?", "yes")]) for code in codes
        ]
        + [pack_understand(words, None, [("is there a dog ?", "no")])],
    }
    for task, rows in stores.items():
        save(tmp_path, task, rows)
    vocabulary = Vocabulary(len(words), codec.features(), CODEC.grid)
    control = uniform(SharedModule(config.model, vocabulary, config.train, 0))
    torch.save(control.state_dict(), tmp_path / "model.pt")
    names = ("tokenizer", "data", *CONTROLS.values())
    return dict.fromkeys(names, tmp_path)


def test_controls_with_uniform_attention_give_the_masses_that_counting_gives(
    config: SimpleNamespace, inputs: dict[str, Path], tmp_path: Path
) -> None:
    measured = with_measured_targets(config, inputs, tmp_path).train.interaction
    # <generate> a photo of a dog <image>, then 15 asking tokens from position 7 on: 5 words each.
    drawing = np.mean([5 / (position + 1) for position in range(7, 22)])
    # 16 image tokens, asked by "?" and "yes" after <understand> <image> 16 </image> is there a dog.
    answering = np.mean([16 / 24, 16 / 25])
    assert measured.targets == "values"
    assert measured.generate_values == pytest.approx([drawing] * DEPTH, rel=1e-5)
    assert measured.understand_values == pytest.approx([answering] * DEPTH, rel=1e-5)
    written = json.loads((tmp_path / FILE).read_text())
    assert written == {
        "understand_values": measured.understand_values,
        "generate_values": measured.generate_values,
    }


def test_controls_with_an_encoder_are_measured_on_what_it_sees(
    config: SimpleNamespace, inputs: dict[str, Path], tmp_path: Path
) -> None:
    """Attention stays uniform, and the positions of the image are the same ones."""
    plain = with_measured_targets(config, inputs, tmp_path).train.interaction
    config.encoder = EncoderConfig(kind="efficientnet")
    folder = tmp_path / "seen"
    folder.mkdir()
    features = np.random.default_rng(0).normal(size=(6, EFFICIENTNET.cells**2, 112))
    save_features(folder, features, np.array([*range(6), NO_PICTURE]))
    words, codec = TextTokens(World(config.world).vocabulary), ImageTokenizer(CODEC)
    vocabulary = Vocabulary(len(words), codec.features(), CODEC.grid, view=EFFICIENTNET)
    control = uniform(SharedModule(config.model, vocabulary, config.train, 0))
    torch.save(control.state_dict(), folder / "model.pt")
    seen = {**inputs, "features": folder, **dict.fromkeys(CONTROLS.values(), folder)}
    assert with_measured_targets(config, seen, tmp_path).train.interaction == plain


def test_an_arm_whose_masses_are_its_targets_has_no_interaction_loss(
    config: SimpleNamespace, inputs: dict[str, Path], tmp_path: Path
) -> None:
    module = build_module(with_measured_targets(config, inputs, tmp_path), inputs)
    words = TextTokens(World(config.world).vocabulary)
    batch = {"generate": pad([pack_generate(words, "a photo of a dog", [0] * 16)])}
    module.training_step(batch, 0)
    assert module.values["train/generate/interaction_loss"] > 1e-6
    uniform(module).training_step(batch, 0)
    assert module.values["train/generate/interaction_loss"] < 1e-12


def test_sequences_weigh_alike_whatever_their_batch(
    config: SimpleNamespace, inputs: dict[str, Path]
) -> None:
    words = TextTokens(World(config.world).vocabulary)
    vocabulary = Vocabulary(len(words), ImageTokenizer(CODEC).features(), CODEC.grid)
    model = SharedModule(config.model, vocabulary, config.train, 0).model
    captions = ("a dog", "a photo of a dog", "a photo of a red dog")
    rows = [pack_generate(words, caption, [0] * 16) for caption in captions]
    together = mean_masses(model, "generate", [pad(rows)])
    apart = mean_masses(model, "generate", [pad(rows[:1]), pad(rows[1:])])
    assert together == pytest.approx(apart, rel=1e-5)


@pytest.mark.parametrize(
    "interaction", [replace(ASKED, targets="published"), InteractionConfig(targets="controls")]
)
def test_an_arm_that_asks_for_no_controls_is_left_as_it_is(
    config: SimpleNamespace, tmp_path: Path, interaction: InteractionConfig
) -> None:
    config.train = replace(config.train, interaction=interaction)
    assert with_measured_targets(config, {}, tmp_path) is config
    assert not list(tmp_path.iterdir())


def test_the_suites_arm_names_the_controls_of_the_right_tasks() -> None:
    arm = load_suite("interaction").arms["interaction_controls"]
    assert dict(arm.needs) == {name: f"{task}_only" for task, name in CONTROLS.items()}


def test_a_missing_control_is_named(
    config: SimpleNamespace, inputs: dict[str, Path], tmp_path: Path
) -> None:
    del inputs["generate_control"]
    with pytest.raises(ConfigError, match=r"arm\.needs must name generate_control where"):
        with_measured_targets(config, inputs, tmp_path)
