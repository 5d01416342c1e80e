"""The step `train` by two processes leaves what it leaves by one."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.multiprocessing import ProcessExitedException

from datamodules.world import World, WorldConfig
from experiments.artifacts.data import save
from experiments.parallel import launch
from experiments.parallel.execution import ONE_DEVICE, ExecutionConfig
from experiments.train import train
from models.batch import pack_generate, pack_understand
from models.image_tokens import ImageTokenizer
from models.shared import SharedConfig
from models.text_tokens import TextTokens
from tests.experiments.builders import tiny_config
from tests.models.conftest import CODEC, TRAIN, TRUNK

WORLD = WorldConfig()


def inputs(folder: Path) -> dict[str, Path]:
    """A tokenizer and sequences, as their steps leave them."""
    world = World(WORLD)
    words, random = TextTokens(world.vocabulary), np.random.default_rng(0)
    ImageTokenizer(CODEC).save(str(folder / "tokenizer.pt"))
    codes = random.integers(0, CODEC.codes, (16, CODEC.tokens_per_image)).tolist()
    scenes = [world.scene("train", index) for index in range(16)]
    captions = [world.caption("train", index, scene) for index, scene in enumerate(scenes)]
    turns = [
        [(one.text, one.answer) for one in world.questions("train", index, scene, 2)]
        for index, scene in enumerate(scenes)
    ]
    rows = {
        "generate": [pack_generate(words, *one) for one in zip(captions, codes, strict=True)],
        "understand": [pack_understand(words, *one) for one in zip(codes, turns, strict=True)],
    }
    for task, packed in rows.items():
        save(folder, task, packed)
    return {"tokenizer": folder, "data": folder}


def config(execution: ExecutionConfig) -> SimpleNamespace:
    settings = replace(TRAIN, init="scratch", steps=10, understand_batch=4, generate_batch=4)
    fields = {"world": WORLD, "tokenizer": CODEC, "model": SharedConfig(trunk=TRUNK)}
    return tiny_config(**fields, stage0=TRAIN, train=settings, execution=execution)


def test_a_process_that_the_system_ends_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ended(*_: object, **__: object) -> None:
        raise ProcessExitedException("killed", 1, 4321, -9, "SIGKILL")

    monkeypatch.setattr(launch, "spawn", ended)
    wanted = "process 1 of execution.devices=2 must finish, got SIGKILL"
    with pytest.raises(ValueError, match=wanted):
        launch.on_ranks(ExecutionConfig(devices=2, strategy="ddp"), print, tmp_path)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_the_step_leaves_the_same_files_whoever_trains(tmp_path: Path) -> None:
    torch.manual_seed(0)
    given, folders = inputs(tmp_path), {}
    for name, execution in (
        ("one", ONE_DEVICE),
        ("two", ExecutionConfig(devices=2, strategy="fsdp")),
    ):
        folders[name] = tmp_path / name
        folders[name].mkdir()
        train(config(execution), given, folders[name])
    one, two = folders.values()
    left = {path.relative_to(one) for path in one.rglob("*")} - {Path("progress.json")}
    assert {path.relative_to(two) for path in two.rglob("*")} - {Path("progress.json")} == left
    assert Path("checkpoints/step-000010.pt") in left
    metrics = [
        [json.loads(line)["value"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
        for folder in (one, two)
    ]
    assert metrics[1] == pytest.approx(metrics[0], rel=1e-3)
