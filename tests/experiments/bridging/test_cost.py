"""The plan on paper: published sizes by hand, and FLOPs as they are counted where they run."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from datamodules.pairs.sources import SourceConfig
from experiments.bridging.command import recipe_path
from experiments.bridging.config import read_recipe
from experiments.bridging.cost import BridgePlan, flop_counter, new_meta_connector
from experiments.bridging.fit import starting_bridge
from experiments.bridging.shapes import (
    READERS,
    SANA,
    Shapes,
    decoder_shapes,
    reader_shape,
    shapes_of,
)
from experiments.scaling.hardware import Fleet
from models.bridging.bridge_module import BridgeModule
from models.bridging.decoder_bridge import PipelineBridgeConfig
from models.parameters import parameter_count
from tests.experiments.bridging.conftest import recipe


@pytest.mark.parametrize(
    ("order", "depth", "millions"),
    [("enc_proj", 24, 316), ("enc_proj", 6, 84), ("proj_enc", 24, 2046), ("proj_enc", 6, 517)],
)
def test_connectors_have_the_sizes_of_metaquerys_third_table(
    order: str, depth: int, millions: int
) -> None:
    config = PipelineBridgeConfig(queries=64, connector=order, connector_depth=depth)
    shapes = Shapes(None, None, None, (32, 16, 16), SANA["caption_channels"], 512)
    assert round(parameter_count(new_meta_connector(config, 896, shapes)) / 1e6) == millions


@pytest.mark.slow
def test_published_parts_have_their_published_sizes() -> None:
    millions = {name: parameter_count(reader_shape(name)) / 1e6 for name in READERS}
    assert list(millions.values()) == pytest.approx([894, 3755, 8292], rel=0.01)
    sizes = {
        name: [
            parameter_count(part) / 1e6 for part in decoder_shapes(f"Efficient-Large-Model/{name}")
        ]
        for name in ("Sana_600M_512px_diffusers", "Sana_1600M_512px_diffusers")
    }
    assert sizes["Sana_600M_512px_diffusers"] == pytest.approx([590, 312], rel=0.02)
    assert sizes["Sana_1600M_512px_diffusers"] == pytest.approx([1604, 312], rel=0.02)


def test_a_convolution_costs_thrice_its_forward_pass_whatever_its_groups() -> None:
    """8 channels, 3 x 3 weights, 5 x 5 places, 2 FLOPs each; one group or one channel a group."""
    for groups, forward in ((1, 8 * 8 * 9 * 25 * 2), (8, 8 * 9 * 25 * 2)):
        given = torch.zeros(1, 8, 5, 5, requires_grad=True)
        with flop_counter() as counter:
            nn.Conv2d(8, 8, 3, padding=1, groups=groups)(given).sum().backward()
        assert counter.get_total_flops() == 3 * forward


def test_a_step_is_planned_within_a_tenth_of_what_it_is_counted_at(
    parts: Path, tmp_path: Path
) -> None:
    asked = recipe(parts, drop_text=0.0)
    module = BridgeModule(
        starting_bridge(asked, "pretrain", tmp_path), asked.stages["pretrain"].train, 0
    )
    text, count_of = "a " * 12, 4
    batch = {
        "texts": [text + "." * number for number in range(count_of)],
        "references": [()] * count_of,
        "pixels": torch.zeros(count_of, 32, 32, 3, dtype=torch.uint8),
    }
    encoder = module.bridge.reader.encoder
    tokens = encoder(module.prompts(batch, torch.Generator()))["input_ids"].shape[1]
    module.training_step(batch, 0)  # the head of all prompts is read once and for all
    with flop_counter() as counter:
        module.training_step(batch, 0).backward()
    planned = count_of * BridgePlan(asked, tokens).pair_flops(tuned=True)
    assert planned == pytest.approx(counter.get_total_flops(), rel=0.1)


def test_a_stages_memory_follows_from_its_weights(parts: Path) -> None:
    asked = recipe(parts)
    stage, plan = asked.stages["pretrain"], BridgePlan(asked, 16)
    one = plan.estimate(stage, Fleet("h100", 1, 0.3))
    frozen = parameter_count(plan.shapes.reader) + parameter_count(plan.shapes.autoencoder)
    assert one.parameters - one.trainable == frozen
    assert one.memory.optimizer == 8 * one.trainable
    assert one.memory.exchange == one.memory.average == 0
    two = plan.estimate(replace(stage, tuned=True), Fleet("h100", 2, 0.3))
    assert two.memory.exchange == 4 * one.trainable
    assert two.memory.activations == one.memory.activations / 2
    assert two.flops == one.flops
    assert two.memory.weights == one.memory.weights  # each device holds all
    shards = BridgePlan(asked, 16, "fsdp").estimate(stage, Fleet("h100", 4, 0.3)).memory
    trained = 4 * one.trainable
    assert shards.weights == one.memory.weights - trained * 3 / 4  # what is frozen stays whole
    assert (shards.gradients, shards.optimizer) == (trained / 4, trained / 2)
    assert 0 < shards.exchange < 2 * trained


def test_a_part_of_a_step_keeps_its_own_pairs_alone_in_memory(parts: Path) -> None:
    asked, fleet = recipe(parts), Fleet("h100", 1, 0.3)
    stage, plan = asked.stages["pretrain"], BridgePlan(asked, 16)
    halves = replace(stage, train=replace(stage.train, accumulate=2))
    whole, half = (plan.estimate(one, fleet) for one in (stage, halves))
    assert whole.cache == stage.train.batch * plan.prompt.saved_bytes == 2 * half.cache
    assert whole.memory.activations == 2 * half.memory.activations


def test_a_stage_on_latents_encodes_no_pictures(parts: Path) -> None:
    asked, fleet = recipe(parts), Fleet("h100", 1, 0.3)
    stage, plan = asked.stages["pretrain"], BridgePlan(asked, 16)
    ready = replace(stage, sources=[SourceConfig(form="precomputed", path="latents")])
    encoded = plan.encoding * stage.train.batch * stage.train.steps
    assert plan.estimate(stage, fleet).flops - plan.estimate(ready, fleet).flops == encoded > 0


def test_a_published_decoder_draws_at_the_side_that_its_name_says(parts: Path) -> None:
    sana = "Efficient-Large-Model/Sana_600M_512px_diffusers"
    assert shapes_of(str(parts / "reader"), sana).pixels == 512


@pytest.mark.slow
def test_metaquerys_sizes_are_planned_without_loading_anything() -> None:
    asked = read_recipe(recipe_path("metaquery"))
    plan, stage = BridgePlan(asked, 128), asked.stages["pretrain"]
    found = plan.estimate(stage, Fleet("h100", 64, 0.3))
    assert found.trainable / 1e6 == pytest.approx(1604 + 1620, rel=0.01)
    assert found.flops == pytest.approx(9.9e12 * 25e6 * 8, rel=0.02)
    assert found.memory.total < 80 * 2**30
