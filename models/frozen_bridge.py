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

from collections.abc import Sequence
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

from models import Task
from models.batch import Batch, Sequences
from models.blocks import (
    Context,
    LayerCache,
    RecordingCache,
    TrunkConfig,
    causal_context,
    rotary_tables,
)
from models.connector import CONNECTORS, Connector
from models.image_tokens import ImageTokenizer
from models.initialise import generator_for, initialise
from models.matching import active_parameters
from models.module import Architecture, TokenModule, UnifiedModule
from models.sampling import SamplingConfig, answer_tokens, checked, chunks
from models.text_tokens import BEGIN_IMAGE, DROP, GENERATE, PAD, UNDERSTAND
from models.training import TrainConfig
from models.unified import UnifiedModel, state_dtype

QUERY_DEVIATION = 0.5


@dataclass(frozen=True, kw_only=True)
class FrozenBridgeConfig:
    """`trunk` is the frozen model's; `connector_depth` counts its bidirectional blocks.

    The decoder sees an image as squares of `decoder_patch` x `decoder_patch` latents.
    """

    name: str = "frozen_bridge"
    trunk: TrunkConfig = field(default_factory=TrunkConfig)
    queries: int = 16
    connector: str = "enc_proj"
    connector_depth: int = 2
    decoder_depth: int = 5
    decoder_heads: int = 4
    decoder_head_width: int = 32
    decoder_patch: int = 2

    def __post_init__(self) -> None:
        sizes = ("queries", "connector_depth", "decoder_depth", "decoder_heads", "decoder_patch")
        for name in sizes:
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
        self.connector = Connector(
            config.trunk, config.decoder_width, config.connector, config.connector_depth
        )
        self.register_buffer("latents", latents, persistent=False)
        self.grid, self.channels = language_model.vocabulary.grid, latents.shape[1]
        if self.grid % config.decoder_patch:
            raise ValueError(
                f"model.decoder_patch must divide the image's {self.grid} tokens a side, "
                f"got {config.decoder_patch}."
            )
        self.decoder = PixArtTransformer2DModel(
            num_attention_heads=config.decoder_heads,
            attention_head_dim=config.decoder_head_width,
            num_layers=config.decoder_depth,
            in_channels=self.channels,
            out_channels=self.channels,
            cross_attention_dim=config.decoder_width,
            caption_channels=config.decoder_width,
            sample_size=self.grid,
            patch_size=config.decoder_patch,
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


class FrozenBridgeModule(UnifiedModule):
    """Trains queries, connector and decoder beside a frozen `understand_only` model."""

    def __init__(
        self,
        config: FrozenBridgeConfig,
        frozen: TokenModule,
        tokenizer: ImageTokenizer,
        train: TrainConfig,
        seed: int,
    ) -> None:
        super().__init__(train)
        self.model = FrozenBridge(config, frozen.model, tokenizer.latents())
        self.seed = seed
        self.nearest = tokenizer.nearest
        with torch.no_grad():
            for part in ("connector", "decoder"):
                initialise(getattr(self.model, part), seed, config.decoder_depth)
            draws = torch.randn(self.model.queries.shape, generator=generator_for(seed, "queries"))
            self.model.queries.copy_(QUERY_DEVIATION * draws)

    @property
    def trained_tasks(self) -> tuple[Task, ...]:
        """Generation alone: understanding is the frozen model's."""
        return ("generate",)

    def losses(self, batch: Batch) -> dict[str, dict[str, Tensor]]:
        generator = generator_for(self.seed, "flow", self.global_step)
        return {"generate": self.model.losses(batch["generate"], generator)}

    def active_parameters(self) -> dict[str, int]:
        total = sum(parameter.numel() for parameter in self.parameters())
        frozen = active_parameters(self.model.language_model, "understand")
        return {"understand": frozen, "generate": total}

    @torch.no_grad()
    def generate(
        self, prompts: Sequence[list[int]], seeds: Sequence[int], config: SamplingConfig
    ) -> Int[Tensor, "b p"]:
        parts = []
        for chosen in chunks(len(prompts), config.chunk):
            rows = [checked(prompts[index], config.prompt_length) for index in chosen]
            parts.append(self._generate_chunk(rows, [seeds[index] for index in chosen], config))
        return torch.cat(parts)[: len(prompts)]

    def _generate_chunk(
        self, prompts: list[list[int]], seeds: list[int], config: SamplingConfig
    ) -> Int[Tensor, "b p"]:
        guided = config.guidance != 1
        rows = prompts + ([[GENERATE, DROP, BEGIN_IMAGE]] * len(prompts) if guided else [])
        lengths = torch.tensor([len(row) - 1 for row in rows], device=self.device)
        padded = [row[:-1] + [PAD] * (config.prompt_length - len(row) + 1) for row in rows]
        tokens = language_prompts(torch.tensor(padded, device=self.device), lengths)
        shape = (self.model.channels, self.model.grid, self.model.grid)
        noise = latent_noise(seeds, shape).to(self.device) * config.temperature
        latents = self.model.draw(tokens, lengths, noise, config.flow_steps, config.guidance)
        return self.nearest(latents)

    def answer(
        self, questions: Sequence[list[int]], config: SamplingConfig, length: int
    ) -> list[list[int]]:
        return answer_tokens(self.model.language_model, questions, config, length)


ARCHITECTURE = Architecture(FrozenBridgeConfig, FrozenBridgeModule)
