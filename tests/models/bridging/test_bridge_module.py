"""The training of a bridge: what a step learns from, at which rate, and what it leaves alone."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from models.bridging.bridge_module import BridgeModule, BridgeTrainConfig, groups
from models.bridging.decoder_bridge import PipelineBridge, PipelineBridgeConfig
from models.bridging.decoder_pipeline import open_decoder
from models.bridging.frozen_reader import open_reader
from tests.models.bridging.conftest import image
from tests.models.bridging.tiny_decoders import save_sana

Build = Callable[..., BridgeModule]


@pytest.fixture
def build(checkpoint: Callable[[str], Path], tmp_path: Path) -> Build:
    def built(tuned: bool = True, **fields: object) -> BridgeModule:
        reader = open_reader(checkpoint("smolvlm"))
        decoder = open_decoder(save_sana(tmp_path / "sana"), tuned)
        config = PipelineBridgeConfig(queries=4, connector_depth=1)
        bridge = PipelineBridge(config, reader, decoder, seed=0)
        return BridgeModule(bridge, BridgeTrainConfig(**fields), seed=0)

    return built


def pairs(count: int = 2) -> dict:
    pixels = np.stack([image(32, 32, number) for number in range(count)])
    return {
        "texts": ["a red cat", "The dog"][:count],
        "references": [(), (image(16, 16, 9),)][:count],
        "pixels": torch.from_numpy(pixels),
    }


def test_the_rate_rises_then_falls_along_a_cosine_to_its_final_share() -> None:
    config = BridgeTrainConfig(steps=12, warmup_steps=4, final_share=0.1)
    assert [config.rate(step) for step in (0, 1, 3)] == [0.25, 0.5, 1.0]
    assert config.rate(4) == 1.0
    assert config.rate(8) == pytest.approx(0.55)
    assert config.rate(10) == pytest.approx(0.1 + 0.9 * (1 - math.sqrt(0.5)) / 2)
    assert config.rate(12) == pytest.approx(0.1)


def test_prompts_lose_text_references_or_both_by_their_shares(build: Build) -> None:
    module = build(drop_text=0.1, drop_both=0.2, drop_references=0.3)
    count = 4000
    batch = {"texts": ["a"] * count, "references": [(image(4, 4, 0),)] * count}
    prompts = module.prompts(batch, torch.Generator().manual_seed(0))
    kinds = [(bool(one.text), bool(one.images)) for one in prompts]
    found = {kind: kinds.count(kind) / count for kind in set(kinds)}
    expected = {(False, True): 0.1, (False, False): 0.2, (True, False): 0.3, (True, True): 0.4}
    assert found == pytest.approx(expected, abs=0.03)


def test_pixels_and_their_latents_give_the_same_loss(build: Build) -> None:
    module, batch = build(drop_text=0.0), pairs()
    decoder = module.bridge.decoder
    scaled = batch["pixels"].permute(0, 3, 1, 2).float() / 127.5 - 1
    ready = {name: batch[name] for name in ("texts", "references")}
    loss = module.training_step(batch, 0)
    again = module.training_step({**ready, "latents": decoder.encode(scaled)}, 0)
    assert loss.item() == again.item() > 0


def test_a_steps_noise_follows_from_seed_step_and_part(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, batch = build(drop_text=0.0, accumulate=2), pairs()
    losses = [module.training_step(batch, part).item() for part in (0, 2, 1)]
    assert losses[0] == losses[1] != losses[2]
    monkeypatch.setattr(BridgeModule, "global_step", 1)
    assert module.training_step(batch, 0).item() not in losses
    monkeypatch.undo()
    module.seed = 1
    assert module.training_step(batch, 0).item() not in losses


def test_every_part_of_a_step_has_noise_of_its_own_on_every_device(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, batch = build(drop_text=0.0, accumulate=2), pairs()
    monkeypatch.setattr("models.bridging.bridge_module.ranks", lambda: 2)
    losses = set()
    for rank in range(2):
        monkeypatch.setattr(BridgeModule, "global_rank", rank)
        losses |= {module.training_step(batch, part).item() for part in range(2)}
    assert len(losses) == 4


def test_pictures_are_encoded_in_full_precision_under_autocast(build: Build) -> None:
    module, batch = build(), pairs()
    plain = module.latents(batch)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(module.latents(batch), plain)


@pytest.mark.parametrize("tuned", [True, False])
def test_the_groups_hold_each_trained_tensor_once_at_its_rate(build: Build, tuned: bool) -> None:
    module = build(tuned, learning_rate=3e-4, decoder_learning_rate=1e-5, weight_decay=0.2)
    found = groups(module.bridge, module.train_config)
    assert {group["lr"] for group in found} == ({3e-4, 1e-5} if tuned else {3e-4})
    held = [id(one) for group in found for one in group["params"]]
    wanted = {id(one) for one in module.parameters() if one.requires_grad}
    assert len(held) == len(set(held))
    assert set(held) == wanted
    rates = {id(one): group["lr"] for group in found for one in group["params"]}
    assert rates[id(module.bridge.queries)] == 3e-4
    for group in found:
        matrices = {one.dim() > 1 for one in group["params"]}
        assert matrices == {group["weight_decay"] == 0.2}


def test_a_checkpoint_holds_what_is_trained_alone(build: Build) -> None:
    module = build(tuned=False)
    checkpoint = {"state_dict": module.state_dict()}
    module.on_save_checkpoint(checkpoint)
    names = set(checkpoint["state_dict"])
    assert "bridge.queries" in names
    assert {name.split(".")[1] for name in names} == {"queries", "connector"}


def test_the_reader_keeps_its_precision_under_autocast_and_the_connector_has_autocasts(
    build: Build,
) -> None:
    module = build(drop_text=0.0)
    prompts = module.prompts(pairs(), torch.Generator())
    plain = module.bridge.reader.states(prompts, module.bridge.queries)
    seen: list[torch.Tensor] = []
    module.bridge.connector.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.autocast("cpu", torch.bfloat16):
        module.bridge.conditions(prompts)
    assert torch.equal(seen[0], plain.bfloat16())


def test_a_loss_that_is_not_finite_ends_the_run(build: Build) -> None:
    module = build()
    with torch.no_grad():
        module.bridge.queries.fill_(torch.nan)
    with pytest.raises(ValueError, match="loss must stay finite, got nan at step 0"):
        module.training_step(pairs(), 0)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"steps": 0}, r"train\.steps must be at least 1, got 0"),
        ({"learning_rate": 0.0}, r"train\.learning_rate must be above 0, got 0"),
        ({"kept_prompts_gib": -1.0}, r"train\.kept_prompts_gib must not be negative, got -1"),
        ({"final_share": 1.5}, r"train\.final_share must lie in \[0, 1\], got 1\.5"),
        ({"ema_decay": 1.0}, r"train\.ema_decay must lie in \[0, 1\), got 1\.0"),
        ({"drop_text": 0.6, "drop_both": 0.6}, r"shares of one whole, got \(0\.6, 0\.6, 0\.0\)"),
        ({"batch": 6, "accumulate": 4}, r"train\.batch must be a multiple of .*=4, got 6"),
    ],
)
def test_values_outside_the_rules_are_refused(fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BridgeTrainConfig(**fields)
