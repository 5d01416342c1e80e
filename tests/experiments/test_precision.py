"""`auto` becomes what the processor trains fast in, and the plan says which."""

from pathlib import Path

import pytest

from experiments import precision
from experiments.planning.plan import Request
from experiments.planning.planner import Planner, Project
from experiments.planning.sources import Sources


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
