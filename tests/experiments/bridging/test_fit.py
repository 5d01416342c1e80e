"""Training a stage: what it learns, what it leaves alone, and that a killed run loses nothing."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

import experiments.bridging.fit as fitting
from datamodules.pairs.sources import open_source
from experiments.bridging.config import Recipe
from experiments.bridging.fit import BRIDGE, RESUME, fit_stage, starting_bridge, train_stage
from experiments.config import ConfigError
from experiments.parallel.execution import over_processes
from experiments.parallel.launch import on_ranks
from experiments.parallel.sharded import kept_names
from models.bridging.bridge_module import BridgeModule
from models.bridging.decoder_bridge import PipelineBridge, open_pipeline_bridge
from models.bridging.frozen_prompts import Prompt
from tests.experiments.bridging.conftest import CAPTIONS, captions, recipe

WHOLE = {"steps": 6, "batch": 4, "accumulate": 2, "ema_decay": 0.9, "drop_text": 0.3}


def learnt(runs: Path, stage: str = "pretrain") -> dict[str, Tensor]:
    """All tensors that a stage has saved."""
    folder = runs / stage / BRIDGE
    return {
        f"{path.parent.name}.{name}": value
        for path in sorted(folder.rglob("*.safetensors"))
        for name, value in load_file(path).items()
    }


def losses(runs: Path) -> list[float]:
    lines = (runs / "pretrain" / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line)["value"] for line in lines]


class PowerFailsError(RuntimeError):
    """Ends a run half-way."""


def fail(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """The step `at` is not survived."""
    step = BridgeModule.training_step

    def ended(module: BridgeModule, batch: Any, batch_idx: int) -> Tensor:
        if module.global_step == at:
            parts = {
                n.split(".")[1] for n, p in module.named_parameters() if isinstance(p, DTensor)
            }
            raise PowerFailsError(f"shared out: {', '.join(sorted(parts))}")
        return step(module, batch, batch_idx)

    monkeypatch.setattr(BridgeModule, "training_step", ended)


def fit_and_fail(out: Path, *arguments: Any) -> None:
    """`fit_stage` in a process that does not survive step 3."""
    with pytest.MonkeyPatch.context() as patch:
        fail(patch, at=3)
        fit_stage(out, *arguments)


def test_a_killed_run_goes_on_and_ends_bit_for_bit_as_an_uninterrupted_one(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = recipe(parts, **WHOLE)
    train_stage(asked, "pretrain", tmp_path / "whole")
    with monkeypatch.context() as patch:
        fail(patch, at=3)
        with pytest.raises(PowerFailsError):
            train_stage(asked, "pretrain", tmp_path / "killed")
    left = tmp_path / "killed" / "pretrain"
    assert not (left / "summary.json").exists()
    kept = torch.load(left / RESUME, weights_only=False)["callbacks"]["BridgeRecorder"]
    assert kept["seconds"] > 0
    train_stage(asked, "pretrain", tmp_path / "killed")
    assert not (left / RESUME).exists()
    one, other = learnt(tmp_path / "whole"), learnt(tmp_path / "killed")
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert losses(tmp_path / "whole") == losses(tmp_path / "killed")


def test_broken_samples_are_named_beside_the_summary_whether_or_not_a_run_was_killed(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = recipe(parts, steps=4)
    listing = tmp_path / "gone.jsonl"
    gone = {"img_path": "gone.png", "prompt": CAPTIONS[0]}
    listing.write_text((parts / "captions.jsonl").read_text() + json.dumps(gone) + "\n")
    source = replace(captions(parts), path=str(listing))
    stage = replace(asked.stages["pretrain"], sources=[source], max_broken=0.5)
    asked = replace(asked, stages={"pretrain": stage})
    train_stage(asked, "pretrain", tmp_path / "whole")
    with monkeypatch.context() as patch:
        fail(patch, at=3)
        with pytest.raises(PowerFailsError):
            train_stage(asked, "pretrain", tmp_path / "killed")
    train_stage(asked, "pretrain", tmp_path / "killed")
    told, again = (
        json.loads((tmp_path / name / "pretrain" / "broken.json").read_text())
        for name in ("whole", "killed")
    )
    assert told == again
    assert told["read"] == 4 * 4
    assert {one["name"] for one in told["broken"]} == {"gone.jsonl/gone.png"}
    summary = json.loads((tmp_path / "killed" / "pretrain" / "summary.json").read_text())
    assert summary["broken"] == len(told["broken"]) == 3


def test_the_frozen_models_stay_and_the_average_is_what_is_saved(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[PipelineBridge] = []

    def kept(*arguments: Any) -> PipelineBridge:
        trained.append(starting_bridge(*arguments))
        return trained[0]

    monkeypatch.setattr(fitting, "starting_bridge", kept)
    asked = recipe(parts, steps=3, ema_decay=0.5)
    train_stage(asked, "pretrain", tmp_path / "averaged")
    fresh = starting_bridge(asked, "pretrain", tmp_path)
    for frozen in ("reader.model", "decoder.autoencoder"):
        states = [one.get_submodule(frozen).state_dict() for one in (trained[0], fresh)]
        assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not torch.equal(trained[0].queries, fresh.queries)
    monkeypatch.undo()
    train_stage(recipe(parts, steps=3), "pretrain", tmp_path / "plain")
    ends = [learnt(tmp_path / name)["bridge.queries"] for name in ("averaged", "plain")]
    start = fresh.queries.detach()
    moved = [(end - start).norm().item() for end in ends]
    assert 0 < moved[0] < moved[1]


def test_a_second_stage_goes_on_from_the_first_with_reference_images(
    parts: Path, tmp_path: Path
) -> None:
    asked = recipe(parts, reader="looking", steps=2, precision="bf16-mixed")
    with pytest.raises(ConfigError, match="stage instruct must follow pretrain, got no"):
        train_stage(asked, "instruct", tmp_path)
    for stage in asked.stages:
        train_stage(asked, stage, tmp_path)
    first, second = learnt(tmp_path, "pretrain"), learnt(tmp_path, "instruct")
    changed = {name for name in first if not torch.equal(first[name], second[name])}
    assert "bridge.queries" in changed
    assert {name.partition(".")[0] for name in changed} == {"bridge"}  # the decoder was frozen
    summary = json.loads((tmp_path / "instruct" / "summary.json").read_text())
    trained = sum(first[name].numel() for name in first if name.startswith("bridge."))
    assert summary["parameters"]["trained"] == trained
    assert summary["pairs"] == 2 * 4


def test_a_finished_stage_is_left_alone_and_one_of_another_recipe_refused(
    parts: Path, tmp_path: Path
) -> None:
    asked = recipe(parts, steps=1)
    train_stage(asked, "pretrain", tmp_path)
    written = (tmp_path / "pretrain" / "summary.json").stat().st_mtime_ns
    train_stage(asked, "pretrain", tmp_path)
    assert (tmp_path / "pretrain" / "summary.json").stat().st_mtime_ns == written
    with pytest.raises(ConfigError, match=r"what the run began with, .* of stage pretrain\.$"):
        train_stage(recipe(parts, steps=2), "pretrain", tmp_path)
    with pytest.raises(ConfigError, match=r"got other values of seed\.$"):
        train_stage(replace(asked, seed=1), "pretrain", tmp_path)


def test_a_finished_stage_is_not_taken_for_one_behind_other_stages(
    parts: Path, tmp_path: Path
) -> None:
    asked = recipe(parts, reader="looking", steps=1)
    for stage in asked.stages:
        train_stage(asked, stage, tmp_path)
    first, last = asked.stages.values()
    longer = replace(asked, stages={"pretrain": first, "middle": first, "instruct": last})
    for stage in ("pretrain", "middle"):
        train_stage(longer, stage, tmp_path)
    with pytest.raises(ConfigError, match=r"got other values of stage middle\.$"):
        train_stage(longer, "instruct", tmp_path)


def test_a_stage_that_could_not_begin_may_be_corrected(parts: Path, tmp_path: Path) -> None:
    asked = recipe(parts, steps=1)
    nothing = replace(asked.stages["pretrain"], sources=[])
    with pytest.raises(ValueError, match="sources of a stage must name data"):
        train_stage(replace(asked, stages={"pretrain": nothing}), "pretrain", tmp_path)
    train_stage(asked, "pretrain", tmp_path)
    assert (tmp_path / "pretrain" / "summary.json").exists()


def test_prompts_are_kept_where_that_is_cheaper_and_give_the_same_losses(
    parts: Path, tmp_path: Path
) -> None:
    for name, budget in (("kept", 0.1), ("read", 0.0)):
        asked = recipe(parts, steps=2, kept_prompts_gib=budget)
        train_stage(asked, "pretrain", tmp_path / name)
    assert losses(tmp_path / "kept") == pytest.approx(losses(tmp_path / "read"), rel=1e-4)
    told = json.loads((tmp_path / "kept" / "pretrain" / "summary.json").read_text())
    costs = told["prompt_seconds"]
    assert told["prompts_kept"] == (costs["fetching"] < costs["reading"])


def fitted_autoencoder(asked: Recipe, pictures: Tensor, folder: Path) -> Recipe:
    """The recipe with a decoder whose autoencoder has seen the pictures."""
    bridge = starting_bridge(asked, "pretrain", folder)
    code: nn.Module = bridge.decoder.autoencoder.requires_grad_(True)
    optimizer = torch.optim.Adam(code.parameters(), 1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        (code(pictures).sample - pictures).square().mean().backward()
        optimizer.step()
    bridge.decoder.save(folder / "decoder")
    return replace(asked, parts=replace(asked.parts, decoder=str(folder / "decoder")))


@pytest.mark.slow
def test_one_batch_of_the_world_is_learnt_and_drawn_nearer_to_its_pictures(
    parts: Path, tmp_path: Path
) -> None:
    source = open_source(captions(parts), 32)
    images = [source.read(number).image for number in range(4)]
    pixels = torch.stack([torch.from_numpy(one) for one in images if one is not None])
    pictures = pixels.permute(0, 3, 1, 2).float() / 255
    asked = recipe(parts, steps=150, drop_text=0.0, final_share=0.1)
    asked = fitted_autoencoder(asked, 2 * pictures - 1, tmp_path)
    untrained = starting_bridge(asked, "pretrain", tmp_path)
    train_stage(asked, "pretrain", tmp_path)
    found = losses(tmp_path)
    assert sum(found[-3:]) < 0.7 * sum(found[:3])
    trained = open_pipeline_bridge(tmp_path / "pretrain" / BRIDGE)
    prompts = [Prompt(caption) for caption in CAPTIONS]
    before, after = (
        (bridge.eval().draw(prompts, range(4), steps=10) - pictures).square().mean().item()
        for bridge in (untrained, trained)
    )
    assert after < 0.7 * before


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_processes_train_as_one_that_takes_a_step_in_two_parts(
    parts: Path, tmp_path: Path, strategy: str
) -> None:
    for devices, parts_of_a_step in ((1, 2), (2, 1)):
        asked = recipe(parts, steps=3, accumulate=parts_of_a_step, ema_decay=0.5, drop_text=0.3)
        execution = over_processes(devices, strategy if devices > 1 else None)
        train_stage(asked, "pretrain", tmp_path / str(devices), execution)
    assert losses(tmp_path / "2") == pytest.approx(losses(tmp_path / "1"), rel=1e-4)
    one, two = learnt(tmp_path / "1"), learnt(tmp_path / "2")
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(two[name], one[name], rtol=2e-3, atol=2e-3)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_killed_run_in_shards_goes_on_in_shards_and_in_nothing_else(
    parts: Path, tmp_path: Path
) -> None:
    asked, shards = recipe(parts, **WHOLE | {"accumulate": 1}), over_processes(2, "fsdp")
    train_stage(asked, "pretrain", tmp_path / "whole", shards)
    killed = tmp_path / "killed" / "pretrain"
    killed.mkdir(parents=True)
    reason = (
        r"process . of execution\.devices=2 must finish, got .* shared out: connector, decoder$"
    )
    with pytest.raises(ValueError, match=reason):
        on_ranks(shards, fit_and_fail, killed, killed, asked, "pretrain", shards)
    kept = re.findall(r"bridge\.(\w+)", " ".join(kept_names(killed / RESUME)))
    assert set(kept) == {"queries", "connector", "decoder"}  # and not the frozen reader
    with pytest.raises(ConfigError, match=r"resume\.ckpt must be gone on from by fsdp, got ddp"):
        train_stage(asked, "pretrain", tmp_path / "killed", over_processes(2, "ddp"))
    train_stage(asked, "pretrain", tmp_path / "killed", shards)
    one, other = learnt(tmp_path / "whole"), learnt(tmp_path / "killed")
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert losses(tmp_path / "whole") == losses(tmp_path / "killed")
