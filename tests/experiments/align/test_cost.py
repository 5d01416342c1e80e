"""The plan's figures: by hand, against what a step counts, and at the published sizes."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoProcessor, Emu3ForConditionalGeneration

from experiments.align.command import main
from experiments.align.cost import Sequence, activation_bytes, logit_bytes, tuning_cost
from experiments.align.recipe import AlignConfig, load_recipe
from experiments.config import ConfigError
from experiments.parallel.execution import over_processes
from models.pretrained.unified.emu3 import Emu3Form
from models.pretrained.unified.opening import blueprint
from models.pretrained.unified.tuning import UnifiedTuning
from models.pretrained.unified.tuning_config import TuningConfig
from tests.models.pretrained.unified.tiny import asked, drawn

ONE = {"steps": 1, "understand_batch": 1, "generate_batch": 1, "precision": "32-true"}


def recipe(**train) -> AlignConfig:
    return AlignConfig(
        paper="",
        about="",
        checkpoint="",
        kind="emu3",
        pixels=16,
        words={"understand": 13, "generate": 8},
        train=TuningConfig(**{**ONE, **train}),
    )


@pytest.mark.parametrize("recompute", [False, True])
def test_flops_are_those_of_a_step_that_is_counted(checkpoints, recompute: bool) -> None:
    folder = checkpoints("emu3")
    sizes = AutoConfig.from_pretrained(folder)
    sizes.text_config.hidden_size, sizes.text_config.intermediate_size = 256, 512
    form = Emu3Form(Emu3ForConditionalGeneration(sizes), AutoProcessor.from_pretrained(folder))
    tuned = UnifiedTuning(form, TuningConfig(**ONE, recompute=recompute))
    batch = {"understand": asked("emu3")[1:2], "generate": drawn("emu3")[:1]}
    tokens = [tuned.read(task, rows).tokens.shape[1] for task, rows in batch.items()]
    with FlopCounterMode(display=False) as counter:
        tuned.training_step(batch, 0).backward()
    found = tuning_cost(form, recipe(recompute=recompute))
    # image_length(16) is 2 rows of 2 with an end each: 6 of the tokens
    assert tokens == [6 + 13, 6 + 8]
    assert found.flops == pytest.approx(counter.get_total_flops(), rel=0.08 if recompute else 0.05)
    assert found.tokens == sum(tokens)


def test_memory_is_counted_tensor_by_tensor(checkpoints) -> None:
    form = blueprint(str(checkpoints("emu3")), "emu3", {})
    frozen = sum(p.numel() for p in form.model.model.vqmodel.parameters())
    whole = sum(p.numel() for p in form.model.parameters())
    found = tuning_cost(form, recipe())
    assert (found.parameters, found.trainable) == (whole, whole - frozen)
    memory = found.memory
    assert (memory.weights, memory.gradients) == (4 * whole, 4 * (whole - frozen))
    assert (memory.optimizer, memory.average) == (8 * (whole - frozen), 0)
    halved = tuning_cost(form, recipe(precision="bf16-true")).memory
    assert halved.weights == 2 * whole
    shards, copies = (
        tuning_cost(form, recipe(understand_batch=2, generate_batch=2), over_processes(2, how))
        for how in ("fsdp", "ddp")
    )
    assert shards.memory.weights == 4 * frozen + 2 * (whole - frozen)  # the encoder stays whole
    blocks = sum(p.numel() for p in form.decoder.layers.parameters())
    outside = whole - frozen - blocks
    assert shards.memory.exchange == 4 * (outside + 3 * blocks // form.depth)
    assert (copies.memory.weights, copies.memory.exchange) == (4 * whole, 4 * (whole - frozen))
    with pytest.raises(ConfigError, match=r"train\.understand_batch must be a multiple of the 3 "):
        tuning_cost(form, recipe(understand_batch=4), over_processes(3, None))
    # width 32, 4 heads of 8 on 2 key heads, feed-forward 32; 3 layers; 20 words to choose among
    row = Sequence(tokens=10, predicted=4)
    inside = 10 * (4 * 32 + 2 * 32 + 2 * 16 + 4 * 32) * 4
    assert activation_bytes(form, recipe(), row) == 3 * inside
    assert activation_bytes(form, recipe(recompute=True), row) == inside + 3 * 10 * 32 * 4
    assert logit_bytes(form, "generate", 4000, recompute=False) == 3 * 4000 * 20 * 4
    assert logit_bytes(form, "generate", 4000, recompute=True) == 3 * 1024 * 20 * 4


@pytest.mark.parametrize(
    ("name", "parameters", "depth"), [("aia_janus", 7.42e9, 30), ("aia_emu3", 8.76e9, 32)]
)
def test_the_published_sizes_are_the_published_models(name, parameters: float, depth: int) -> None:
    config = load_recipe(name, [])
    form = blueprint(config.checkpoint, config.kind, config.shape)
    assert form.depth == depth
    count = sum(p.numel() for p in form.model.parameters())
    assert count == pytest.approx(parameters, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["aia_janus", "aia_emu3"])
def test_a_plan_is_printed_with_what_is_otherwise_than_in_the_paper(name: str, capsys) -> None:
    assert main([name, "--plan", "--devices", "64xh100"]) == 0
    shown = capsys.readouterr().out
    assert "Training on 64 x h100" in shown
    assert "30% of the peak" in shown
    assert "otherwise here: " in shown
    assert "23437" in shown


def test_a_longer_image_costs_more(checkpoints) -> None:
    form = blueprint(str(checkpoints("emu3")), "emu3", {})
    small, large = (
        tuning_cost(form, AlignConfig(**{**vars(recipe()), "pixels": side})) for side in (16, 32)
    )
    assert large.tokens - small.tokens == 2 * (4 * 5 - 2 * 3)
    assert large.flops > small.flops
    assert torch.device("meta") == form.model.device
