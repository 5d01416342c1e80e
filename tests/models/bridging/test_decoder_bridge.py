"""A bridge of published parts: what learns, what stays, and what comes back from disk."""

import copy
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from models.bridging.decoder_bridge import (
    UNPROMPTED,
    PipelineBridge,
    PipelineBridgeConfig,
    open_pipeline_bridge,
)
from models.bridging.decoder_pipeline import open_decoder
from models.bridging.frozen_prompts import Prompt
from models.bridging.frozen_reader import open_reader
from tests.models.bridging.conftest import LOOKING, TEXTS
from tests.models.bridging.tiny_decoders import CONDITION, PIPELINES

PROMPTS = (*TEXTS[:2], LOOKING[0])
Build = Callable[..., PipelineBridge]


@pytest.fixture
def build(checkpoint: Callable[[str], Path], tmp_path: Path) -> Build:
    """A tiny bridge from an image-text model to a pipeline of the given kind."""

    def built(kind: str, tuned: bool = True, **fields: object) -> PipelineBridge:
        folder = tmp_path / kind
        if not folder.exists():
            PIPELINES[kind](folder)
        config = PipelineBridgeConfig(**{"queries": 4, "connector_depth": 1, **fields})
        reader = open_reader(checkpoint("qwen2_5_vl"), system="be brief")
        return PipelineBridge(config, reader, open_decoder(folder, tuned), seed=0)

    return built


def latents() -> torch.Tensor:
    return torch.randn(3, 4, 8, 8, generator=torch.Generator().manual_seed(5))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("kind", PIPELINES)
@pytest.mark.parametrize("tuned", [True, False])
def test_a_step_changes_queries_connector_and_a_tuned_decoder_alone(
    build: Build, kind: str, tuned: bool
) -> None:
    bridge = build(kind, tuned).train()
    before = copy.deepcopy(bridge.state_dict())
    optimizer = torch.optim.AdamW(bridge.parameters(), 1e-3, weight_decay=0.1)
    bridge.loss(PROMPTS, latents(), generator()).backward()
    optimizer.step()
    changed = {n for n, value in bridge.state_dict().items() if not torch.equal(value, before[n])}
    tops = {
        ".".join(name.split(".")[:2]) if "decoder" in name else name.split(".")[0]
        for name in changed
    }
    assert tops == {"queries", "connector"} | ({"decoder.denoiser"} if tuned else set())


@pytest.mark.parametrize("kind", PIPELINES)
def test_a_bridge_learns_one_batch(build: Build, kind: str) -> None:
    bridge = build(kind).train()
    optimizer = torch.optim.AdamW(bridge.parameters(), 1e-2)
    losses = []
    for _ in range(10):
        loss = bridge.loss(PROMPTS, latents(), generator())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("order", ["enc_proj", "proj_enc"])
def test_conditions_have_the_decoders_width_and_scale(build: Build, order: str) -> None:
    """A norm's output has its weight's size: the root of 5.5 for Sana, 1 for Stable Diffusion."""
    for kind, size in (("sana", 5.5), ("stable_diffusion", 1.0)):
        with torch.no_grad():
            conditions = build(kind, connector=order).conditions(PROMPTS)
        assert conditions.shape == (3, 4, CONDITION)
        if order == "enc_proj":
            squares = conditions.square().mean(-1)
            torch.testing.assert_close(squares, torch.full((3, 4), size), rtol=1e-3, atol=0)


def test_a_bridge_starts_the_same_from_the_same_seed(build: Build) -> None:
    one, other = (build("sana").trained() for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert one["queries"].std() == pytest.approx(32**-0.5, rel=0.2)


def test_guidance_leads_away_from_the_drawing_without_a_prompt(build: Build) -> None:
    bridge = build("stable_diffusion")
    plain = bridge.draw(PROMPTS[:1], [0], steps=2)
    guided = bridge.draw(PROMPTS[:1], [0], steps=2, guidance=3.0)
    free = bridge.conditions([UNPROMPTED]).detach()
    expected = bridge.decoder.draw(bridge.conditions(PROMPTS[:1]).detach(), [0], 2, 3.0, free)
    torch.testing.assert_close(guided, expected)
    assert not torch.equal(guided, plain)


@pytest.mark.parametrize("kind", PIPELINES)
def test_a_saved_bridge_draws_the_same(build: Build, tmp_path: Path, kind: str) -> None:
    bridge = build(kind)
    with torch.no_grad():
        for part in (bridge.queries, *bridge.connector.parameters()):
            part.mul_(1.25)
        for parameter in bridge.decoder.denoiser.parameters():
            parameter.mul_(1.1)
    bridge.save(tmp_path / "saved")
    again = open_pipeline_bridge(tmp_path / "saved")
    assert torch.equal(
        bridge.draw(PROMPTS, [1, 2, 3], 2, 2.0), again.draw(PROMPTS, [1, 2, 3], 2, 2.0)
    )
    assert again.reader.encoder.system == "be brief"
    held = {path.name for path in (tmp_path / "saved").iterdir()}
    assert held == {"pipeline", "connector.safetensors", "bridge.json"}


def test_a_saved_bridge_is_opened_with_its_reader_alone_in_another_precision(
    build: Build, tmp_path: Path
) -> None:
    build("sana").save(tmp_path / "saved")
    again = open_pipeline_bridge(tmp_path / "saved", reader_dtype=torch.bfloat16)
    assert again.reader.model.dtype == torch.bfloat16
    assert again.decoder.denoiser.dtype == again.queries.dtype == torch.float32


def test_a_saved_bridge_with_other_tensors_is_refused_and_all_are_named(
    build: Build, tmp_path: Path
) -> None:
    build("sana").save(tmp_path / "saved")
    path = tmp_path / "saved" / "connector.safetensors"
    tensors = load_file(path)
    del tensors["connector.norm.weight"]
    tensors |= {"queries": torch.zeros(5, 32), "surplus": torch.zeros(1)}
    save_file(tensors, path)
    named = "missing connector.norm.weight, extra surplus, queries of shape (5, 32) for (4, 32)."
    with pytest.raises(ValueError, match=re.escape(f"the bridge's tensors, got {named}")):
        open_pipeline_bridge(tmp_path / "saved")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=rf"{path} must be a whole safetensors file: "):
        open_pipeline_bridge(tmp_path / "saved")


def test_a_reader_made_here_cannot_be_found_again(build: Build, tmp_path: Path) -> None:
    bridge = build("sana")
    bridge.reader.name = None
    with pytest.raises(ValueError, match="must be opened from a checkpoint"):
        bridge.save(tmp_path / "saved")


def test_a_saved_bridge_says_what_it_is_made_of(build: Build, tmp_path: Path) -> None:
    build("sana", tuned=False).save(tmp_path / "saved")
    parts = json.loads((tmp_path / "saved" / "bridge.json").read_text())
    assert parts["model"] == {"queries": 4, "connector": "enc_proj", "connector_depth": 1}
    assert parts["reader"]["name"].endswith("qwen2_5_vl")
    assert parts["decoder"] == {"tuned": False}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"queries": 0}, r"model\.queries must be at least 1, got 0"),
        ({"connector_depth": -1}, r"model\.connector_depth must be at least 0, got -1"),
        ({"connector": "enc"}, r"model\.connector must be one of .*, got 'enc'"),
    ],
)
def test_a_bridge_refuses_values_outside_its_rules(fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PipelineBridgeConfig(**fields)


def test_guidance_leads_away_from_a_negative_prompt_and_else_from_none(build: Build) -> None:
    bridge = build("stable_diffusion").eval()
    prompts, seeds = [TEXTS[0]], [3]

    def drawn(guidance: float, *negatives: Prompt) -> torch.Tensor:
        return bridge.draw(prompts, seeds, 2, guidance, negatives or None)

    away = drawn(9.0, TEXTS[1])
    torch.testing.assert_close(drawn(9.0, UNPROMPTED), drawn(9.0))
    assert not torch.allclose(away, drawn(9.0))
    torch.testing.assert_close(drawn(1.0, TEXTS[1]), drawn(1.0))  # nothing guides
