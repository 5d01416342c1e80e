"""What a stage takes on named devices, from the shapes of its parts alone: nothing is loaded.

One pair passes through modules without memory, forward and backward, and is counted; a step's cost
is its pairs' times that, as nothing looks at two pairs at once. Not counted: a vision tower over
reference images (their tokens count if --prompt-tokens has them).
"""

from typing import Any

import torch
from rich.console import Console
from torch import nn
from transformers import DynamicCache

from datamodules.pairs.sources import PRECOMPUTED
from experiments.bridging.config import Recipe, StageConfig
from experiments.bridging.shapes import Shapes, shapes_of
from experiments.config import ConfigError
from experiments.flops.counter import flop_counter
from experiments.parallel.execution import over_processes
from experiments.scaling.estimate import ArmEstimate
from experiments.scaling.hardware import Fleet
from experiments.scaling.memory import FP32, Memory, exchanged
from experiments.scaling.step_cost import Cost, Kept
from experiments.scaling.tables import print_estimates
from models.bridging.decoder_bridge import PipelineBridgeConfig, new_connector
from models.connector import Connector
from models.parameters import parameter_count


def print_cost(recipe: Recipe, fleet: Fleet, prompt_tokens: int, strategy: str | None) -> None:
    """Two tables, with a line for each stage. Raises ConfigError for prompts without tokens, and
    where the devices do not divide a step."""
    if prompt_tokens < 1:
        raise ConfigError(f"--prompt-tokens must be at least 1, got {prompt_tokens}.")
    for name, stage in recipe.stages.items():
        pieces = fleet.count * stage.train.accumulate
        if stage.train.batch % pieces:
            raise ConfigError(
                f"stages.{name}.train.batch must be a multiple of {pieces}, the devices times "
                f"accumulate, got {stage.train.batch}."
            )
    plan = BridgePlan(recipe, prompt_tokens, strategy)
    found = {name: plan.estimate(stage, fleet) for name, stage in recipe.stages.items()}
    console = Console()
    print_estimates(console, found, fleet)
    console.print(
        f"A prompt has {prompt_tokens} tokens. Of a pair's FLOPs the prompt takes "
        f"{plan.prompt.flops:.3g}, the queries {plan.asking.flops:.3g}, and the autoencoder "
        f"{plan.encoding:.3g} unless latents are precomputed. Hours at {fleet.utilisation:.0%} of "
        f"{fleet.device.peak_flops / 1e12:.0f} TFLOP/s a device. docs/published-models.md says how "
        "these figures come about."
    )


class BridgePlan:
    """The costs of one pair, and what follows from them for a stage."""

    def __init__(self, recipe: Recipe, prompt_tokens: int, strategy: str | None = None) -> None:
        self.recipe, self.prompt_tokens, self.strategy = recipe, prompt_tokens, strategy
        self.shapes = shapes_of(recipe.parts.reader, recipe.parts.decoder)
        reader = self.shapes.reader.requires_grad_(False).to(recipe.parts.reader_dtype)
        self.width: int = reader.config.get_text_config().hidden_size
        self.prompt, self.asking = reader_costs(reader, prompt_tokens, recipe.model.queries)
        self.encoding = encoder_flops(self.shapes)
        self.learning = {
            tuned: learnt_cost(self.shapes, recipe.model, self.width, tuned)
            for tuned in {stage.tuned for stage in recipe.stages.values()}
        }

    def pair_flops(self, tuned: bool, precomputed: bool = False) -> float:
        encoding = 0 if precomputed else self.encoding
        return encoding + self.of_tensors(tuned).flops

    def of_tensors(self, tuned: bool) -> Cost:
        """Of one pair, without its encoding."""
        return self.prompt + self.asking + self.learning[tuned]

    def estimate(self, stage: StageConfig, fleet: Fleet) -> ArmEstimate:
        """Of one stage. Its `tokens` are the reader's, its `cache` one part's prompts."""
        train, shapes, queries = stage.train, self.shapes, self.recipe.model.queries
        pairs = train.batch / (fleet.count * train.accumulate)
        connector = new_meta_connector(self.recipe.model, self.width, shapes)
        learner = nn.ModuleList([connector, shapes.denoiser] if stage.tuned else [connector])
        learns = parameter_count(learner) + queries * self.width
        frozen = parameter_count(shapes.autoencoder) + (
            0 if stage.tuned else parameter_count(shapes.denoiser)
        )
        execution = over_processes(fleet.count, self.strategy)
        shards = fleet.count if execution.strategy == "fsdp" else 1
        reader, precision = parameter_count(shapes.reader), self.recipe.parts.reader_dtype.itemsize
        ready = all(one.form == PRECOMPUTED for one in stage.sources) and bool(stage.sources)
        return ArmEstimate(
            parameters=reader + frozen + learns,
            trainable=learns,
            flops=self.pair_flops(stage.tuned, ready) * train.batch * train.steps,
            tokens=float(train.batch * train.steps * (self.prompt_tokens + queries)),
            memory=Memory(
                weights=precision * reader + FP32 * (frozen + learns / shards),
                gradients=FP32 * learns / shards,
                optimizer=2 * FP32 * learns / shards,
                average=FP32 * learns / shards if train.ema_decay else 0,
                exchange=exchanged(learner, execution, FP32 * learns),
                activations=pairs * self.of_tensors(stage.tuned).saved_bytes,
            ),
            cache=int(pairs * self.prompt.saved_bytes),
            storage=FP32 * (frozen + learns),
        )


def new_meta_connector(config: PipelineBridgeConfig, width: int, shapes: Shapes) -> Connector:
    with torch.device("meta"):
        return new_connector(config, width, shapes.condition_width)


def learnt_cost(shapes: Shapes, config: PipelineBridgeConfig, width: int, tuned: bool) -> Cost:
    """One pair's; activations are those of bf16, as autocast keeps them."""
    connector = new_meta_connector(config, width, shapes).bfloat16()
    denoiser = shapes.denoiser.bfloat16().requires_grad_(tuned)
    place: dict[str, Any] = {"device": "meta", "dtype": torch.bfloat16}
    states = torch.zeros(1, config.queries, width, **place, requires_grad=True)
    noised, level = torch.zeros(1, *shapes.latent, **place), torch.zeros(1, **place)
    own = nn.ModuleList([connector, denoiser])
    with flop_counter() as counter, Kept(own) as kept:
        conditions = connector(states)
        found = denoiser(noised, timestep=level, encoder_hidden_states=conditions).sample
        found.sum().backward()
    own.zero_grad(set_to_none=True)
    return Cost(counter.get_total_flops(), kept.bytes)


def encoder_flops(shapes: Shapes) -> int:
    """Of one image, forward."""
    with flop_counter() as counter, torch.no_grad():
        shapes.autoencoder.encode(torch.zeros(1, 3, shapes.pixels, shapes.pixels, device="meta"))
    return counter.get_total_flops()


def reader_costs(reader: Any, prompt: int, queries: int) -> tuple[Cost, Cost]:
    """Of one prompt, read without gradient, which leaves keys and values; and of the queries behind
    it, with theirs."""
    decoder, cache = reader.get_decoder(), DynamicCache()
    place: dict[str, Any] = {"device": "meta", "dtype": reader.dtype}
    width = reader.config.get_text_config().hidden_size
    with flop_counter() as counter, torch.no_grad():
        said = torch.zeros(1, prompt, width, **place)
        decoder(inputs_embeds=said, past_key_values=cache, use_cache=True)
    layers: Any = cache.layers
    left = sum(layer.keys.nbytes + layer.values.nbytes for layer in layers)
    read = Cost(counter.get_total_flops(), left)
    asking = torch.zeros(1, queries, width, **place, requires_grad=True)
    with flop_counter() as counter, Kept(reader) as kept:
        found = decoder(inputs_embeds=asking, past_key_values=cache, use_cache=True)
        found.last_hidden_state.sum().backward()
    return read, Cost(counter.get_total_flops(), kept.bytes)
