"""Every form of the measured step gives the queries one and the same gradient."""

import pytest
import torch

from experiments.perf import frozen as perf_frozen


def test_all_forms_of_the_step_give_the_same_gradient() -> None:
    frozen = perf_frozen.FrozenStep.build(batch=2, precision="fp32", attention="sdpa", depth=2)
    found = {name: step() for name, step in perf_frozen.candidates(frozen).items()}
    expected = found.pop(perf_frozen.BEHIND_FORM)
    assert expected.shape == (perf_frozen.QUERIES, 576)
    assert expected.abs().min() > 0
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-8, msg=name)


@pytest.mark.parametrize(("kept", "code"), [(1.0, 0), (1.1, 1)])
def test_a_step_that_saves_too_little_is_a_failure(
    monkeypatch: pytest.MonkeyPatch, kept: float, code: int
) -> None:
    def timed(rounds: int, steps: dict) -> dict[str, float]:
        return {way: step() * (1 if way.endswith("sdpa") else 2) for way, step in steps.items()}

    times = dict(zip(perf_frozen.FORMS, (2.5, 2.1, 2.0, 2.0, kept), strict=True))
    monkeypatch.setattr(perf_frozen, "alternate", timed)
    monkeypatch.setattr(perf_frozen.FrozenStep, "build", lambda *_: None)
    steps = {name: (lambda seconds=seconds: seconds) for name, seconds in times.items()}
    monkeypatch.setattr(perf_frozen, "candidates", lambda frozen: steps)
    assert perf_frozen.main([]) == code
