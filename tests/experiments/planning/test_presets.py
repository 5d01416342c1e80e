"""The presets that were never run fit together: whole without weights, tiny in the real format."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from experiments.artifacts.stage0 import stage0
from experiments.build import build_module
from experiments.config import Layer, dotlist_layer
from experiments.planning.graph import cell_steps
from experiments.planning.graph_variants import with_examples, with_features, with_pictures
from experiments.planning.suite import EXPERIMENTS, load_preset, load_suite, resolve_arm
from experiments.scaling.memory import blueprint
from experiments.scaling.published import QWEN_HALF_BILLION
from experiments.scaling.samples import Samples
from experiments.schema import load_schema
from models import TASKS
from models.tokenizers.kinds import new_codec, save_codec
from tests.models.pretrained.tiny_checkpoints import save
from tests.models.tokenizers.checkpoints import janus_network

LARGE = ("cluster", "gpu-llm")
LAYER = 14_912_384
"""Parameters of a layer of Qwen2.5-0.5B: queries and output 2 x 896^2, keys and values 2 x 896 x
128, biases 896 + 2 x 128, feed-forward 3 x 896 x 4864, norms 2 x 896."""
TINY = (
    "model.trunk={depth: 3, width: 24, heads: 4, kv_heads: 2, feed_forward: 40, rope_base: 300.0}",
    "train={understand_batch: 2, generate_batch: 2}",
    "world={classes: 4, colours: 4, pixels: 32}",
    "tokenizer.pixels=32",
    "data.longest=90",
    "pairs.longest=90",
)
SMALL_BRIDGE = {"queries": 2, "connector_depth": 1, "decoder_depth": 1, "decoder_heads": 1}


@pytest.mark.parametrize(
    "preset", sorted(path.stem for path in (EXPERIMENTS / "presets").glob("*.yaml"))
)
def test_a_preset_expects_seconds_of_steps_that_there_are(preset: str) -> None:
    steps = with_pictures(with_examples(with_features(cell_steps(TASKS))))
    trainings = {f"train_{one}" for one in (*TASKS, *load_schema().models)}
    assert set(load_preset(preset).expected_seconds) <= {*steps, *trainings}


def resolved(preset: str, arm: str, *overrides: str) -> Any:
    suite = load_suite("architectures")
    layer = dotlist_layer(overrides) if overrides else Layer("command line", {})
    return resolve_arm(load_schema(), suite, load_preset(preset), arm, layer)


@pytest.mark.parametrize("preset", LARGE)
def test_a_large_preset_stands_on_half_a_billion_parameters(preset: str) -> None:
    config = resolved(preset, "shared")
    assert config.model.trunk == QWEN_HALF_BILLION
    shared, fork = blueprint(config), blueprint(resolved(preset, "unifork"))
    layers, norm = 24 * LAYER, 896
    assert sum(p.numel() for p in shared.trunk.parameters()) == layers + norm
    assert sum(p.numel() for p in fork.trunk.parameters()) == 36 * LAYER + 2 * norm
    bridge = blueprint(resolved(preset, "frozen_bridge"))
    assert sum(p.numel() for p in bridge.language_model.trunk.parameters()) == layers + norm
    assert 5e7 < sum(p.numel() for p in bridge.decoder.parameters()) < 1e9


def test_the_cluster_cuts_a_step_into_equal_pieces_and_shards_the_arm() -> None:
    config = resolved("cluster", "shared")
    assert (config.execution.strategy, config.execution.pieces) == ("fsdp", 16)
    assert config.train.understand_batch % 16 == config.train.generate_batch % 16 == 0
    assert config.train.understand_batch + config.train.generate_batch == 384
    assert config.pairs.tasks == ("understand", "generate")


@pytest.mark.parametrize("preset", LARGE)
@pytest.mark.parametrize("arm", ["shared", "unifork", "frozen_bridge"])
def test_a_large_preset_builds_and_steps_on_tiny_checkpoints_in_the_real_format(
    preset: str, arm: str, tmp_path: Path
) -> None:
    save("qwen2", tmp_path / "qwen2")
    janus_network().save_pretrained(tmp_path / "janus")
    paths = (f"language.checkpoint={tmp_path}/qwen2", f"tokenizer.path={tmp_path}/janus")
    config = SimpleNamespace(**vars(resolved(preset, arm, *TINY, *paths)))
    if arm == "frozen_bridge":
        config.model = replace(config.model, **SMALL_BRIDGE)
    inputs = {name: tmp_path / name for name in ("tokenizer", "stage0")}
    for folder in inputs.values():
        folder.mkdir()
    save_codec(new_codec(config.tokenizer), inputs["tokenizer"])
    stage0(config, {}, inputs["stage0"])
    module = build_module(config, inputs)
    samples = Samples(config)
    batch = {task: samples.sequences(task, 2) for task in module.trained_tasks}
    loss = module.training_step(batch, 0)
    loss.backward()
    assert torch.isfinite(loss)
