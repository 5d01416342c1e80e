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

from dataclasses import dataclass, field

import torch
from diffusers.models.attention_processor import AttnProcessor
from diffusers.models.transformers.pixart_transformer_2d import PixArtTransformer2DModel
from einops import rearrange, repeat
from jaxtyping import Int
from torch import Tensor, nn

from models.batch import Sequences
from models.blocks import Context, LayerCache, TrunkConfig, causal_context, rotary_tables
from models.connector import ORDERS, Connector
from models.flow_matching import Conditions, flow_matching_loss
from models.text_tokens import PAD, UNDERSTAND
from models.unified import UnifiedModel

CHOICES = {
    "connector": ORDERS,
    "conditions": ("queries", "random_queries", "last_layer"),
    "language_model": ("frozen", "tuned"),
    "decoder": ("tuned", "frozen"),
}
LEAST = {"queries": 1, "connector_depth": 0, "decoder_depth": 1, "decoder_heads": 1}


@dataclass(frozen=True, kw_only=True)
class FrozenBridgeConfig:
    """`trunk` is the language model's; `connector_depth` counts the connector's blocks.

    `conditions`: what the connector reads. `queries` are learnt; `random_queries` stay as they were
    drawn; `last_layer` reads the prompt's own last states, of which there are as many as tokens.
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

    @property
    def decoder_width(self) -> int:
        return self.decoder_heads * self.decoder_head_width


class PrefixCache(LayerCache):
    """The prompt's keys and values; later ones are appended, not stored."""

    def extend(self, keys: Tensor, values: Tensor, start: int) -> tuple[Tensor, Tensor]:
        return torch.cat((self.keys, keys), dim=2), torch.cat((self.values, values), dim=2)


class RecordingCache(LayerCache):
    """Keeps what a layer computes."""

    def __init__(self) -> None:
        self.keys = self.values = torch.empty(0)

    def extend(self, keys: Tensor, values: Tensor, start: int) -> tuple[Tensor, Tensor]:
        self.keys, self.values = keys, values
        return keys, values


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
        self.decoder = PixArtTransformer2DModel(
            num_attention_heads=config.decoder_heads,
            attention_head_dim=config.decoder_head_width,
            num_layers=config.decoder_depth,
            in_channels=self.channels,
            out_channels=self.channels,
            cross_attention_dim=config.decoder_width,
            caption_channels=config.decoder_width,
            sample_size=self.grid,
            patch_size=1,
            norm_type="ada_norm_single",
            use_additional_conditions=False,
        )
        self.decoder.set_attn_processor(AttnProcessor())  # plain products: see blocks.attend
        self.decoder.requires_grad_(config.decoder == "tuned")

    def train(self, mode: bool = True) -> "FrozenBridge":
        super().train(mode)
        self.language_model.eval()
        return self

    def conditions(self, prompts: Int[Tensor, "b n"], lengths: Int[Tensor, "b"]) -> Conditions:
        """What the decoder attends to, for prompts padded on the right."""
        trunk = self.config.trunk
        with torch.set_grad_enabled(self.tunes and torch.is_grad_enabled()):
            records = [RecordingCache() for _ in range(trunk.depth)]
            states = self.language_model.embed(prompts)
            states = self._run(states, causal_context(states, trunk), records)
        beyond = torch.arange(prompts.shape[1], device=prompts.device) >= lengths[:, None]
        if self.queries is None:
            return Conditions(self.connector(states, ~beyond), ~beyond)
        queries = repeat(self.queries.to(states.dtype), "q d -> b q d", b=len(prompts))
        prefix = [PrefixCache(record.keys, record.values) for record in records]
        context = query_context(queries, lengths, beyond, trunk)
        return Conditions(self.connector(self._run(queries, context, prefix)))

    def _run(self, states: Tensor, context: Context, cache: list) -> Tensor:
        cached = Context(context.cosine, context.sine, context.mask, cache)
        return self.language_model.trunk(states, cached, "understand").states

    def losses(self, sequences: Sequences, generator: torch.Generator) -> dict[str, Tensor]:
        """The flow matching loss of a batch of captions with image codes."""
        prompts, lengths, codes = split_sequences(sequences, self.language_model.vocabulary.text)
        clean = rearrange(self.latents[codes], "b (y x) l -> b l y x", y=self.grid)
        conditions = self.conditions(prompts, lengths)
        return {"loss": flow_matching_loss(self.decoder, clean, conditions, generator)}


def query_tokens(config: FrozenBridgeConfig) -> nn.Parameter | None:
    """Zeros `[q d]`, to be drawn; without gradient where they stay random, None without queries."""
    if config.conditions == "last_layer":
        return None
    zeros = torch.zeros(config.queries, config.trunk.width)
    return nn.Parameter(zeros, requires_grad=config.conditions == "queries")


def query_context(
    queries: Tensor, lengths: Int[Tensor, "b"], beyond: Tensor, trunk: TrunkConfig
) -> Context:
    """Queries `[b q d]` after the prompt, causal, blind to the slots `[b n]` beyond its end."""
    count, device = queries.shape[1], queries.device
    later = torch.ones(count, count, dtype=torch.bool, device=device).triu_(1)
    hidden = torch.cat(
        (beyond[:, None].expand(-1, count, -1), later.expand(len(queries), -1, -1)), dim=-1
    )
    mask = torch.zeros(hidden.shape, dtype=queries.dtype, device=device)
    mask.masked_fill_(hidden, float("-inf"))
    positions = lengths[:, None] + torch.arange(count, device=device)
    return Context(*rotary_tables(positions, trunk, queries.dtype), mask)


def split_sequences(sequences: Sequences, text: int) -> tuple[Tensor, Tensor, Tensor]:
    """Prompts as the frozen model reads them, their lengths, and the image codes.

    A sequence `<generate> caption <image> codes` becomes `<understand> caption` and the codes.
    """
    tokens = sequences["tokens"]
    is_image = tokens >= text
    lengths = ((tokens != PAD) & ~is_image).sum(1) - 1
    codes = (tokens[is_image] - text).view(len(tokens), -1)
    return language_prompts(tokens[:, : int(lengths.max())], lengths), lengths, codes


def language_prompts(tokens: Int[Tensor, "b n"], lengths: Int[Tensor, "b"]) -> Int[Tensor, "b n"]:
    """Opens each row with the frozen model's task token and pads it beyond its length."""
    beyond = torch.arange(tokens.shape[1], device=tokens.device) >= lengths[:, None]
    prompts = tokens.masked_fill(beyond, PAD)
    prompts[:, 0] = UNDERSTAND
    return prompts
