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
"""

from dataclasses import dataclass, field

import torch
from diffusers.models.attention_processor import AttnProcessor
from diffusers.models.transformers.pixart_transformer_2d import PixArtTransformer2DModel
from diffusers.schedulers.scheduling_flow_match_euler_discrete import (
    FlowMatchEulerDiscreteScheduler,
)
from einops import rearrange, repeat
from jaxtyping import Float, Int
from torch import Tensor, nn

from models.batch import Sequences
from models.blocks import (
    Block,
    Context,
    LayerCache,
    RecordingCache,
    RMSNorm,
    TrunkConfig,
    causal_context,
    rotary_tables,
    run_blocks,
)
from models.initialise import generator_for
from models.text_tokens import PAD, UNDERSTAND
from models.unified import UnifiedModel, state_dtype

CONNECTORS = ("enc_proj", "proj_enc")


@dataclass(frozen=True, kw_only=True)
class FrozenBridgeConfig:
    """`trunk` is the frozen model's; `connector_depth` counts its bidirectional blocks."""

    name: str = "frozen_bridge"
    trunk: TrunkConfig = field(default_factory=TrunkConfig)
    queries: int = 16
    connector: str = "enc_proj"
    connector_depth: int = 2
    decoder_depth: int = 5
    decoder_heads: int = 4
    decoder_head_width: int = 32

    def __post_init__(self) -> None:
        for name in ("queries", "connector_depth", "decoder_depth", "decoder_heads"):
            if getattr(self, name) < 1:
                raise ValueError(f"model.{name} must be at least 1, got {getattr(self, name)}.")
        if self.connector not in CONNECTORS:
            raise ValueError(
                f"model.connector must be one of {CONNECTORS}, got {self.connector!r}."
            )

    @property
    def decoder_width(self) -> int:
        return self.decoder_heads * self.decoder_head_width


class PrefixCache(LayerCache):
    """The prompt's keys and values, without gradient; later ones are appended, not stored."""

    def __init__(self, prompt: RecordingCache) -> None:
        self.keys, self.values = prompt.keys, prompt.values

    def extend(self, keys: Tensor, values: Tensor, start: int) -> tuple[Tensor, Tensor]:
        return torch.cat((self.keys, keys), dim=2), torch.cat((self.values, values), dim=2)


class Connector(nn.Module):
    """Bidirectional blocks and a projection to the decoder's width, in either order."""

    def __init__(self, config: FrozenBridgeConfig) -> None:
        super().__init__()
        source, target = config.trunk.width, config.decoder_width
        self.encode_first = config.connector == "enc_proj"
        width = source if self.encode_first else target
        self.config = TrunkConfig(
            depth=config.connector_depth,
            width=width,
            heads=config.trunk.heads,
            kv_heads=config.trunk.heads,
            feed_forward=4 * width,
        )
        self.layers = nn.ModuleList(Block(self.config) for _ in range(config.connector_depth))
        self.projection = nn.Sequential(
            nn.Linear(source, target), nn.GELU(approximate="tanh"), nn.Linear(target, target)
        )
        self.norm = RMSNorm(target, 1e-6)

    def forward(self, states: Float[Tensor, "b q d"]) -> Float[Tensor, "b q w"]:
        if not self.encode_first:
            states = self.projection(states)
        count = states.shape[1]
        everywhere = torch.zeros(count, count, dtype=states.dtype, device=states.device)
        places = torch.arange(count, device=states.device)
        context = Context(*rotary_tables(places, self.config, states.dtype), everywhere)
        states = run_blocks(self.layers, nn.Identity(), states, context, "generate").states
        return self.norm(self.projection(states) if self.encode_first else states)


class FrozenBridge(nn.Module):
    """`language_model` is frozen here and stays so; `latents` are the codec's vectors `[v l]`."""

    latents: Tensor

    def __init__(
        self, config: FrozenBridgeConfig, language_model: UnifiedModel, latents: Tensor
    ) -> None:
        super().__init__()
        self.config = config
        self.language_model = language_model.requires_grad_(False).eval()
        self.queries = nn.Parameter(torch.zeros(config.queries, config.trunk.width))
        self.connector = Connector(config)
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

    def train(self, mode: bool = True) -> "FrozenBridge":
        super().train(mode)
        self.language_model.eval()
        return self

    def conditions(
        self, prompts: Int[Tensor, "b n"], lengths: Int[Tensor, "b"]
    ) -> Float[Tensor, "b q w"]:
        """What the decoder attends to, for prompts padded on the right."""
        trunk, count = self.config.trunk, self.config.queries
        dtype = state_dtype(prompts.device)
        with torch.no_grad():
            records = [RecordingCache() for _ in range(trunk.depth)]
            states = self.language_model.embed(prompts)
            self._run(states, causal_context(states, trunk), records)
        prefix = [PrefixCache(record) for record in records]
        slots = torch.arange(prompts.shape[1], device=prompts.device)
        beyond = (slots >= lengths[:, None])[:, None].expand(-1, count, -1)
        later = torch.ones(count, count, dtype=torch.bool, device=prompts.device).triu_(1)
        hidden = torch.cat((beyond, later.expand(len(prompts), -1, -1)), dim=-1)
        mask = torch.zeros(hidden.shape, dtype=dtype, device=prompts.device)
        mask.masked_fill_(hidden, float("-inf"))
        positions = lengths[:, None] + torch.arange(count, device=prompts.device)
        context = Context(*rotary_tables(positions, trunk, dtype), mask)
        queries = repeat(self.queries.to(dtype), "q d -> b q d", b=len(prompts))
        return self.connector(self._run(queries, context, prefix))

    def _run(self, states: Tensor, context: Context, cache: list) -> Tensor:
        cached = Context(context.cosine, context.sine, context.mask, cache)
        return self.language_model.trunk(states, cached, "understand").states

    def velocity(
        self, noisy: Float[Tensor, "b l y x"], sigma: Float[Tensor, "b"], conditions: Tensor
    ) -> Float[Tensor, "b l y x"]:
        """The decoder's estimate of noise minus latents at noise level `sigma` in [0, 1]."""
        return self.decoder(
            noisy,
            encoder_hidden_states=conditions,
            timestep=sigma * 1000,
            added_cond_kwargs={"resolution": None, "aspect_ratio": None},
        ).sample

    def losses(self, sequences: Sequences, generator: torch.Generator) -> dict[str, Tensor]:
        """Flow matching at logit-normal times (Esser et al., 2024); `generator` gives the noise."""
        prompts, lengths, codes = split_sequences(sequences, self.language_model.vocabulary.text)
        clean = rearrange(self.latents[codes], "b (y x) l -> b l y x", y=self.grid)
        sigma = torch.randn(len(codes), generator=generator).sigmoid().to(clean.device)
        noise = torch.randn(clean.shape, generator=generator).to(clean.device)
        level = sigma[:, None, None, None]
        estimate = self.velocity(
            (1 - level) * clean + level * noise, sigma, self.conditions(prompts, lengths)
        )
        return {"loss": nn.functional.mse_loss(estimate.float(), noise - clean)}

    @torch.no_grad()
    def draw(
        self, prompts: Tensor, lengths: Tensor, noise: Tensor, steps: int, guidance: float
    ) -> Float[Tensor, "b p l"]:
        """Latents by Euler steps from `noise`; rows of `prompts` are prompted, then unprompted."""
        conditions = self.conditions(prompts, lengths)
        scheduler = FlowMatchEulerDiscreteScheduler()
        scheduler.set_timesteps(steps)
        times: Tensor = scheduler.timesteps  # pyright: ignore[reportAssignmentType]
        latents, guided = noise, len(prompts) > len(noise)
        for time in times:
            twice = torch.cat((latents, latents)) if guided else latents
            sigma = (time / 1000).expand(len(twice)).to(latents.device)
            velocity = self.velocity(twice, sigma, conditions).float()
            if guided:
                prompted, free = velocity.chunk(2)
                velocity = free + guidance * (prompted - free)
            # diffusers annotates these as FloatTensor
            latents = scheduler.step(velocity, time, latents, return_dict=False)[0]  # pyright: ignore
        return rearrange(latents, "b l y x -> b (y x) l")


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


def latent_noise(seeds: list[int], shape: tuple[int, ...]) -> Float[Tensor, "b ..."]:
    """Standard normal noise, one generator an image."""
    return torch.stack([torch.randn(shape, generator=generator_for(s, "image")) for s in seeds])
