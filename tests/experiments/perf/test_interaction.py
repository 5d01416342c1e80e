"""The interaction loss's speed rows compare ways that compute the same, and hold the limit."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch

from experiments.perf import interaction as perf_interaction
from models.attention_mass import fused_attention_mass
from models.causal_attention import causal_attention_mass


def test_the_ways_beside_ours_compute_what_ours_does() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key, value = (torch.randn(2, 3, 11, 32, generator=generator) for _ in range(3))
    marked = (torch.rand(2, 11, generator=generator) < 0.5).float()
    ours = causal_attention_mass(query, key, value, marked)
    for way in (perf_interaction.whole_map, fused_attention_mass):
        theirs = way(query, key, value, marked)
        torch.testing.assert_close(theirs, ours, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("seconds", "code"), [(1.1, 0), (1.2, 1)])
def test_a_step_above_its_limit_fails_the_command(
    monkeypatch: pytest.MonkeyPatch, seconds: float, code: int
) -> None:
    def timed(rounds: int, steps: dict[str, Callable[[], object]]) -> dict[str, float]:
        return {name: seconds if name == "with the loss" else 1.0 for name in steps}

    monkeypatch.setattr(perf_interaction, "alternate", timed)
    names = dict.fromkeys(("without", "with the loss"), lambda: None)
    monkeypatch.setattr(perf_interaction, "candidates", lambda bench, width: names)
    bench = SimpleNamespace(build=lambda rounds: SimpleNamespace(rounds=rounds))
    monkeypatch.setattr(perf_interaction, "Bench", bench)
    assert perf_interaction.main([]) == code
