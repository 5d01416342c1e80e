"""`frozen_bridge`: a frozen language model, learnable queries, a connector and a diffusion decoder.

    prompt ──▶ [ frozen language model ] ◀── N learnable queries (after the prompt, causal)
                        │ last states of the queries
                        ▼
                 [ connector ]  bidirectional; Enc-Proj: encode, then project (Proj-Enc: reversed)
                        ▼
    noise ──▶ [ diffusion transformer ] ──▶ latents of the image codec, rounded to codes

Only queries, connector and decoder are trained, by flow matching; answers are the frozen model's by
construction. The prompt's keys and values are computed without gradient, so a step pays for the
queries alone. Source: MetaQuery (arXiv 2504.06256); the decoder is diffusers' PixArt transformer.

What MetaQuery varies are fields: queries that stay random, or the prompt's own last states in the
place of queries; a language model that is tuned; a decoder that is frozen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from einops import rearrange, repeat
from jaxtyping import Int
from torch import Tensor, nn

from models import Task
from models.batch import Batch, Sequences
from models.connector import CONNECTORS, Connector
from models.context import TrunkConfig
from models.flow_matching import (
    Conditions,
    diffusion_decoder,
    flow_matching_loss,
    follow_flow,
    latent_noise,
)
from models.initialise import generator_for, initialise
from models.module import Architecture, TokenModule, UnifiedModule
from models.parameters import active_parameters, parameter_count
from models.pieces import piece_of
from models.prompt_states import padded_prompts, read_prompts, read_queries, split_sequences
from models.sampling import SamplingConfig, checked, chunks
from models.text_tokens import UNPROMPTED, TextTokens
from models.tokenizers.codec import Codec
from models.tokenizers.residual_codes import summed
from models.training import TrainConfig
from models.unified import UnifiedModel

QUERY_DEVIATION = 0.5

CHOICES = {
    "connector": CONNECTORS,
    "conditions": ("queries", "random_queries", "last_layer"),
    "language_model": ("frozen", "tuned"),
    "decoder": ("tuned", "frozen"),
}
DECODER = ("decoder_depth", "decoder_heads", "decoder_head_width", "decoder_patch")
LEAST = {"connector_depth": 0} | dict.fromkeys(("queries", *DECODER), 1)


@dataclass(frozen=True, kw_only=True)
class FrozenBridgeConfig:
    """`trunk` is the language model's; `connector_depth` counts the connector's blocks.

    `conditions`: what the connector reads. `queries` are learnt; `random_queries` stay as they were
    drawn; `last_layer` reads the prompt's own last states, of which there are as many as tokens.
    The decoder sees an image as squares of `decoder_patch` x `decoder_patch` latents. `pretrained`
    names a published checkpoint (models/pretrained/source.py) in the place of `trunk`.
    """

    name: str = "frozen_bridge"
    trunk: TrunkConfig = field(default_factory=TrunkConfig)
    conditions: str = "queries"
    queries: int = 16
    connector: str = "enc_proj"
    connector_depth: int = 2
    language_model: str = "frozen"
    decoder: str = "tuned"
    decoder_depth: int = 5
    decoder_heads: int = 4
    decoder_head_width: int = 32
    decoder_patch: int = 2
    pretrained: str = ""

    def __post_init__(self) -> None:
        for name, least in LEAST.items():
            if getattr(self, name) < least:
                raise ValueError(
                    f"model.{name} must be at least {least}, got {getattr(self, name)}."
                )
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise ValueError(
                    f"model.{name} must be one of {known}, got {getattr(self, name)!r}."
                )
        if self.decoder_width % 4:  # sines and cosines of rows and columns
            raise ValueError(
                "model.decoder_heads * model.decoder_head_width must be a multiple of 4, "
                f"got {self.decoder_width}."
            )

    @property
    def decoder_width(self) -> int:
        return self.decoder_heads * self.decoder_head_width

    @property
    def brings(self) -> tuple[str, ...]:
        """What an arm needs no other cell for: a published language model is there already."""
        return ("frozen",) if self.pretrained else ()


class FrozenBridge(nn.Module):
    """`language_model` is frozen here unless tuned; `latents` are the codec's vectors `[v l]`."""

    latents: Tensor

    def __init__(
        self, config: FrozenBridgeConfig, language_model: UnifiedModel, latents: Tensor
    ) -> None:
        super().__init__()
        self.config, self.tunes = config, config.language_model == "tuned"
        self.language_model = language_model.requires_grad_(False).eval()
        for part in (language_model.trunk, language_model.embedding.text):  # what a prompt meets
            part.requires_grad_(self.tunes)
        self.queries = query_tokens(config)
        self.connector = Connector(
            config.trunk, config.decoder_width, config.connector, config.connector_depth
        )
        self.register_buffer("latents", latents, persistent=False)
        self.grid, self.channels = language_model.vocabulary.grid, latents.shape[1]
        sizes = config.decoder_depth, config.decoder_heads, config.decoder_head_width
        self.decoder = diffusion_decoder(self.channels, self.grid, config.decoder_patch, *sizes)
        self.decoder.requires_grad_(config.decoder == "tuned")

    def train(self, mode: bool = True) -> "FrozenBridge":
        super().train(mode)
        self.language_model.eval()
        return self

    def conditions(self, prompts: Int[Tensor, "b n"], lengths: Int[Tensor, "b"]) -> Conditions:
        """What the decoder attends to, for prompts padded on the right."""
        with torch.set_grad_enabled(self.tunes and torch.is_grad_enabled()):
            states, prefix = read_prompts(self.language_model, prompts)
        if self.queries is None:
            kept = torch.arange(prompts.shape[1], device=prompts.device) < lengths[:, None]
            return Conditions(self.connector(states, kept), kept)
        queries = repeat(self.queries.to(states.dtype), "q d -> b q d", b=len(prompts))
        return Conditions(
            self.connector(read_queries(self.language_model, queries, lengths, prefix))
        )

    def losses(self, sequences: Sequences, generator: torch.Generator) -> dict[str, Tensor]:
        """The flow matching loss of a batch of captions with image codes."""
        prompts, lengths, codes = split_sequences(sequences, self.language_model.vocabulary.text)
        if (latents := sequences.get("latents")) is None:
            latents = summed(self.latents, codes, self.language_model.vocabulary.depths)
        clean = rearrange(latents.float(), "b (y x) l -> b l y x", y=self.grid)
        conditions = self.conditions(prompts, lengths)
        draws = generator, piece_of(sequences)
        return {"loss": flow_matching_loss(self.decoder, clean, conditions, *draws)}


def query_tokens(config: FrozenBridgeConfig) -> nn.Parameter | None:
    """Zeros `[q d]`, to be drawn; without gradient where they stay random, None without queries."""
    if config.conditions == "last_layer":
        return None
    zeros = torch.zeros(config.queries, config.trunk.width)
    return nn.Parameter(zeros, requires_grad=config.conditions == "queries")


class FrozenBridgeModule(UnifiedModule):
    """Trains queries, connector and decoder beside a language model that has learnt to answer."""

    def __init__(
        self,
        config: FrozenBridgeConfig,
        frozen: TokenModule,
        tokenizer: Codec,
        train: TrainConfig,
        seed: int,
    ) -> None:
        if train.interaction.is_on:
            raise ValueError(
                "train.interaction must have no weight where the language model is frozen, "
                f"got {train.interaction}."
            )
        if not train.generate_weight or not train.generate_batch:
            raise ValueError(
                "train.generate_weight and train.generate_batch must be above 0 for a bridge, "
                f"got {train.generate_weight} and {train.generate_batch}."
            )
        super().__init__(train)
        self.second_encoder = frozen.second_encoder
        self.model = FrozenBridge(config, frozen.model, tokenizer.latents())
        self.seed = seed
        self.nearest = tokenizer.nearest
        with torch.no_grad():
            for part in ("connector", "decoder"):
                initialise(getattr(self.model, part), seed, config.decoder_depth)
            if (queries := self.model.queries) is not None:
                draws = torch.randn(queries.shape, generator=generator_for(seed, "queries"))
                queries.copy_(QUERY_DEVIATION * draws)

    @staticmethod
    def published(
        config: FrozenBridgeConfig,
        words: TextTokens,
        tokenizer: Codec,
        train: TrainConfig,
        seed: int,
    ) -> "FrozenBridgeModule":
        """The bridge around the published checkpoint that the config names."""
        from models.pretrained.bridge import open_bridge  # an optional half of this very class

        return open_bridge(config, words, tokenizer, train, seed)

    @property
    def trained_tasks(self) -> tuple[Task, ...]:
        """Generation alone: understanding is the frozen model's."""
        return ("generate",)

    @property
    def reader(self) -> UnifiedModel:
        return self.model.language_model

    @property
    def passed_twice(self) -> tuple[nn.Module, ...]:
        return (self.model.language_model,) if self.model.tunes else ()

    def losses(self, batch: Batch) -> dict[str, dict[str, Tensor]]:
        generator = generator_for(self.seed, "flow", self.global_step)
        return {"generate": self.model.losses(batch["generate"], generator)}

    def active_parameters(self) -> dict[str, int]:
        """A prompt to draw meets what a question does but the head, and then the bridge."""
        reader = self.reader
        prompt = active_parameters(reader, "understand", beside=[reader.text_head])
        bridge = parameter_count(self) - parameter_count(reader)
        return {"understand": active_parameters(reader, "understand"), "generate": prompt + bridge}

    @torch.no_grad()
    def generate(
        self, prompts: Sequence[list[int]], seeds: Sequence[int], config: SamplingConfig
    ) -> Tensor:
        parts = []
        for chosen in chunks(len(prompts), config.chunk):
            rows = [checked(prompts[index], config, "prompt_length") for index in chosen]
            parts.append(self._generate_chunk(rows, [seeds[index] for index in chosen], config))
        return torch.cat(parts)[: len(prompts)]

    def _generate_chunk(
        self, prompts: list[list[int]], seeds: list[int], config: SamplingConfig
    ) -> Tensor:
        if config.guidance != 1:
            prompts = prompts + [UNPROMPTED] * len(prompts)
        tokens, lengths = padded_prompts(prompts, config.prompt_length, self.device)
        shape = (self.model.channels, self.model.grid, self.model.grid)
        noise = latent_noise(seeds, shape).to(self.device) * config.temperature
        conditions = self.model.conditions(tokens, lengths)
        settings = config.flow_steps, config.guidance
        return self.nearest(follow_flow(self.model.decoder, conditions, noise, *settings))


ARCHITECTURE = Architecture(FrozenBridgeConfig, FrozenBridgeModule)
