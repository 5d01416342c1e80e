"""`auto` becomes what the processor trains fast in, and the plan says which."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from datamodules.world import World, WorldConfig
from datamodules.world.judges.learnt import Detector
from experiments import precision
from experiments.artifacts.judge import train_judge
from experiments.artifacts.tokenizer import tokenizer
from experiments.planning.plan import Request
from experiments.planning.planner import Planner, Project
from experiments.planning.sources import Sources
from models.image_tokens import ImageTokenizer, ImageTokenizerConfig


class FirstPassError(Exception):
    """Ends a fit at its first forward pass."""


class Unchanged:
    def reconstruct(self, images: np.ndarray) -> np.ndarray:
        return images


@pytest.mark.parametrize(
    ("flags", "fast"),
    [
        ("flags : fpu sse2 avx avx2 fma", False),
        ("flags : fpu sse2 avx2 avx512f avx512bw avx512_bf16", True),
        ("Features : fp asimd bf16", True),
    ],
)
def test_an_x86_processor_without_avx_512_does_not_multiply_bf16(
    tmp_path: Path, flags: str, fast: bool
) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor : 0\n{flags}\n")
    assert precision.multiplies_bf16(tmp_path / "cpuinfo") is fast


def test_a_processor_that_cannot_be_asked_is_taken_to_multiply_it(tmp_path: Path) -> None:
    assert precision.multiplies_bf16(tmp_path / "none")


@pytest.mark.parametrize(
    ("fast", "device", "overrides", "expected"),
    [
        (True, "cpu", (), "bf16-mixed"),
        (False, "cpu", (), "32-true"),
        (False, "cuda", (), "bf16-mixed"),
        (False, "cpu", ("train.precision=bf16-mixed",), "bf16-mixed"),
    ],
)
def test_every_arm_of_a_plan_has_the_same_settled_precision(
    monkeypatch: pytest.MonkeyPatch,
    fast: bool,
    device: str,
    overrides: tuple[str, ...],
    expected: str,
) -> None:
    monkeypatch.setattr(precision, "multiplies_bf16", lambda: fast)
    request = Request("architectures", "smoke", overrides=overrides, device=device)
    configs = Planner(Project(sources=Sources()), request).plan().configs.values()
    assert {config["train"]["precision"] for config in configs} == {expected}
    if not overrides:
        assert {config["stage0"]["precision"] for config in configs} == {expected}


@pytest.mark.parametrize("fast", [True, False])
def test_tokenizer_and_judge_are_fitted_in_what_the_processor_multiplies(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fast: bool
) -> None:
    met: list[bool] = []

    def forward(*arguments: object, **named: object) -> None:
        met.append(torch.is_autocast_enabled("cpu"))
        raise FirstPassError

    monkeypatch.setattr(ImageTokenizer, "forward", forward)
    monkeypatch.setattr(Detector, "forward", forward)
    monkeypatch.setattr("experiments.artifacts.tokenizer.TRAINING_SCENES", 4)
    world = World(WorldConfig(classes=4, colours=4))
    for module in ("tokenizer", "judge"):
        monkeypatch.setattr(f"experiments.artifacts.{module}.multiplies_bf16", lambda: fast)
    monkeypatch.setattr("experiments.artifacts.judge.load_codec", lambda path: Unchanged())
    asked = SimpleNamespace(world=world.config, tokenizer=ImageTokenizerConfig(steps=1))
    with pytest.raises(FirstPassError):
        tokenizer(asked, {}, tmp_path)
    with pytest.raises(FirstPassError):
        train_judge(asked, {"tokenizer": tmp_path}, tmp_path)
    assert met == [fast, fast]
