"""Arms trained for a few steps with each image tokenizer and encoder, from files alone."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from benchmarks.protocol import Request
from datamodules.sequences import DataConfig, SequenceStore
from datamodules.world import World, WorldConfig
from experiments.artifacts import tokenizer as tokenizer_step
from experiments.artifacts.data import training_data
from experiments.artifacts.features import features
from experiments.build import build_module, text_module
from experiments.config import Layer
from experiments.fitting.fit import save_weights
from experiments.planning.graph_variants import variants
from experiments.planning.suite import load_preset, load_suite, resolve_arm
from experiments.schema import load_schema
from experiments.scoring.model import TrainedModel
from experiments.store.markers import write_json, write_marker
from experiments.train import train
from models.architectures import architecture
from models.context import TrunkConfig
from models.image_tokens import ImageTokenizerConfig
from models.sampling import SamplingConfig
from models.tokenizers.encoders import EncoderConfig
from models.tokenizers.kinds import load_codec
from models.training import TrainConfig
from tests.experiments.builders import tiny_config
from tests.models.tokenizers.checkpoints import (
    autoencoder_network,
    emu3_network,
    janus_network,
    save_chameleon,
    vqmodel_network,
)
from tests.models.tokenizers.towers import siglip

TRUNK = TrunkConfig(depth=2, width=16, heads=2, kv_heads=2, feed_forward=24)
TRAIN = TrainConfig(
    steps=3, understand_batch=2, generate_batch=2, warmup_steps=1, precision="32-true"
)
WORLD = WorldConfig(classes=4, colours=4)
SAMPLING = SamplingConfig(chunk=1, flow_steps=1, prompt_length=32)
NETWORKS = {
    "janus": janus_network,
    "emu3": emu3_network,
    "vqmodel": vqmodel_network,
    "autoencoder": autoencoder_network,
}
ENCODERS = ("none", "efficientnet", "vision_tower")


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("checkpoints")
    for kind, network in NETWORKS.items():
        network().save_pretrained(root / kind)
    save_chameleon(root / "chameleon")
    siglip(root / "vision_tower")
    return {path.name: path for path in root.iterdir()}


def sizes(kind: str, checkpoints: dict[str, Path]) -> ImageTokenizerConfig:
    if kind in checkpoints:
        return ImageTokenizerConfig(kind=kind, path=str(checkpoints[kind]))
    return ImageTokenizerConfig(kind=kind, levels=(3, 3), width=4, steps=2, batch_size=2)


def seeing(kind: str, checkpoints: dict[str, Path]) -> EncoderConfig:
    if kind in checkpoints:
        return EncoderConfig(kind=kind, path=str(checkpoints[kind]), cells=2)
    return EncoderConfig(kind=kind)


def config_of(model: str, tokenizer: ImageTokenizerConfig, encoder: EncoderConfig) -> Any:
    small = {"queries": 2, "connector_depth": 1, "decoder_depth": 1, "decoder_heads": 1}
    fields: dict[str, Any] = small if model == "frozen_bridge" else {}
    return tiny_config(
        tokenizer=tokenizer,
        encoder=encoder,
        data=DataConfig(scenes=6, texts=2, fact_share=0, text_share=0, questions=2),
        model=architecture(model).config(trunk=TRUNK, **fields),
        train=TRAIN,
        stage0=TRAIN,
    )


def artifacts(config: Any, root: Path) -> dict[str, Path]:
    """The steps before training, on two scenes for the tokenizer and six of training."""
    inputs = {name: root / name for name in ("tokenizer", "data", "stage0", "features")}
    for folder in inputs.values():
        folder.mkdir()
    tokenizer_step.tokenizer(config, {}, inputs["tokenizer"])
    training_data(config, inputs, inputs["data"])
    text = text_module(config, load_codec(inputs["tokenizer"]))
    save_weights(text.state_dict(), inputs["stage0"] / "model.pt")
    write_json(inputs["stage0"] / "summary.json", {"flops": 1, "tokens": 1})
    if config.encoder.variant:
        features(config, {}, inputs["features"])
    else:
        inputs.pop("features").rmdir()
    return inputs


def trained(config: Any, inputs: dict[str, Path], out: Path) -> TrainedModel:
    """The arm after the step `train`, whose losses were finite."""
    out.mkdir()
    train(config, inputs, out)
    write_marker(out, {})
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert {line["name"].split("/")[1] for line in lines} >= {"generate"}
    assert all(np.isfinite(line["value"]) for line in lines)
    return TrainedModel.of_cell(config, {**inputs, "train": out}, SAMPLING)


def asked_and_drawn(model: TrainedModel) -> list[np.ndarray]:
    world = World(WORLD)
    scene = world.scene("test", 0)
    question = world.questions("test", 0, scene, 1)[0].text
    pictured = Request(text=question, images=(world.render(scene),), seed=0)
    assert len(model.answer([pictured])) == 1
    return model.generate([Request(text=world.caption("test", 0, scene), images=(), seed=0)])


@pytest.fixture(autouse=True)
def few_scenes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer_step, "TRAINING_SCENES", 8)
    monkeypatch.setattr(tokenizer_step, "HELD_OUT_SCENES", 8)


@pytest.mark.parametrize("kind", ["residual", "janus", "emu3", "vqmodel", "chameleon"])
def test_an_arm_trains_answers_and_draws_with_each_tokenizer(
    kind: str, checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    config = config_of("unifork", sizes(kind, checkpoints), EncoderConfig())
    inputs = artifacts(config, tmp_path)
    report = json.loads((inputs["tokenizer"] / "report.json").read_text())
    assert report["psnr_db"] > 3
    assert 0 < report["codes_used_share"] <= 1
    model = trained(config, inputs, tmp_path / "train")
    assert [image.shape for image in asked_and_drawn(model)] == [(32, 32, 3)]


@pytest.mark.parametrize("kind", ENCODERS[1:])
def test_an_arm_trains_answers_and_draws_with_each_encoder(
    kind: str, checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    config = config_of("mot", sizes("fsq", checkpoints), seeing(kind, checkpoints))
    inputs = artifacts(config, tmp_path)
    model = trained(config, inputs, tmp_path / "train")
    assert model.module.second_encoder
    assert len(asked_and_drawn(model)) == 1


def test_the_bridge_draws_latents_around_a_model_that_sees_by_an_encoder(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    """MetaQuery's form: SigLIP to see, an autoencoder to draw."""
    encoder = seeing("vision_tower", checkpoints)
    config = config_of("shared", sizes("autoencoder", checkpoints), encoder)
    inputs = artifacts(config, tmp_path)
    config.train = replace(TRAIN, generate_weight=0.0)
    (tmp_path / "frozen").mkdir()
    train(config, inputs, tmp_path / "frozen")
    write_marker(tmp_path / "frozen", {})
    about = config_of("frozen_bridge", config.tokenizer, encoder)
    model = trained(about, {**inputs, "frozen": tmp_path / "frozen"}, tmp_path / "train")
    assert [image.shape for image in asked_and_drawn(model)] == [(32, 32, 3)]
    spent = json.loads((tmp_path / "train" / "summary.json").read_text())
    frozen = json.loads((tmp_path / "frozen" / "summary.json").read_text())
    assert spent["flops_before"] == frozen["flops"]  # the features' among them, once


def test_the_bridge_draws_residual_codes(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    config = config_of("frozen_bridge", sizes("residual", checkpoints), EncoderConfig())
    model = trained(config, artifacts(config, tmp_path), tmp_path / "train")
    assert len(asked_and_drawn(model)) == 1


def test_a_token_arm_without_codes_is_refused(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    config = config_of("shared", sizes("autoencoder", checkpoints), EncoderConfig())
    inputs = artifacts(config, tmp_path)
    with pytest.raises(ValueError, match=r"must give codes where model\.name=shared draws"):
        build_module(config, inputs)
    config.train = replace(TRAIN, generate_weight=0.0)
    with pytest.raises(ValueError, match=r"encoder\.kind must name an encoder under tokenizer"):
        build_module(config, inputs)


def test_an_arm_with_an_encoder_goes_on_from_one_with_and_from_one_without(
    checkpoints: dict[str, Path], tmp_path: Path
) -> None:
    """Adapters are taken where there are some, else they stay as drawn."""
    config = config_of("shared", sizes("fsq", checkpoints), seeing("efficientnet", checkpoints))
    inputs = artifacts(config, tmp_path)
    started = {}
    for name, encoder in (("with", config.encoder), ("without", EncoderConfig())):
        one = SimpleNamespace(**{**vars(config), "encoder": encoder, "seed": 5})
        (tmp_path / name).mkdir()
        save_weights(build_module(one, inputs).state_dict(), tmp_path / name / "model.pt")
        config.model = architecture("task_moe").config(trunk=TRUNK)
        started[name] = build_module(config, {**inputs, "start": tmp_path / name}).state_dict()
        config.model = architecture("shared").config(trunk=TRUNK)
    saved = torch.load(tmp_path / "with" / "model.pt")
    for name in ("model.adapter_input.weight", "model.image_head.weight"):
        assert torch.equal(started["with"][name], saved[name])
    fresh = build_module(config, inputs).state_dict()["model.adapter_input.weight"]
    assert torch.equal(started["without"]["model.adapter_input.weight"], fresh)
    assert not torch.equal(fresh, saved["model.adapter_input.weight"])


def test_a_tokenizer_of_other_images_than_the_worlds_is_refused(tmp_path: Path) -> None:
    config = SimpleNamespace(world=WORLD, tokenizer=ImageTokenizerConfig(pixels=16))
    with pytest.raises(ValueError, match=r"tokenizer\.pixels must equal world\.pixels=32, got 16"):
        tokenizer_step.tokenizer(config, {}, tmp_path)


def test_both_fields_are_keys_of_every_arm_and_an_encoder_asks_for_its_features() -> None:
    changes = {"encoder": {"kind": "efficientnet"}, "tokenizer": {"kind": "residual"}}
    suite = load_suite("architectures")
    layer = Layer("command line", changes)
    for arm in suite.arms:
        config = resolve_arm(load_schema(), suite, load_preset("smoke"), arm, layer)
        assert variants(config) == ["features"]
        assert config.tokenizer.kind == "residual"


def test_large_codes_pass_through_the_files_whole(tmp_path: Path) -> None:
    small = SequenceStore.from_rows([([1, 2**16 - 1], [False, True])])
    large = SequenceStore.from_rows([([1, 2**40], [False, True])])
    assert small.tokens.dtype == np.uint16
    large.save(tmp_path, "large")
    assert SequenceStore.load(tmp_path, "large").row(0)[0].tolist() == [1, 2**40]
