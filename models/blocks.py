"""The decoder block that every architecture stands on: the experimental control.

RMSNorm, rotary positions, grouped-query attention and SwiGLU, as in the Llama and Qwen families, so
that published weights fit. An architecture chooses which blocks a task passes through and what its
feed-forward is; nothing inside a block knows the task except a feed-forward that routes by it.

    x ── norm ── attention ──(+)── norm ── feed-forward ──(+)── x
    └─────────────────────────┘ └──────────────────────────┘
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from einops import rearrange
from jaxtyping import Float
from torch import Tensor, nn

from models import Task
from models.attention_mass import Watch
from models.causal_attention import causal_attention
from models.context import Context, LayerCache, Place, TrunkConfig
from models.fused import head_rms_norm, rms_norm, rotary, swiglu

START_SCALE = 2**0.5  # of queries and of keys, so that logits start at twice a cosine's bound


class RMSNorm(nn.Module):
    def __init__(self, width: int, epsilon: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... d"]:
        return rms_norm(x, self.weight, self.epsilon)


class HeadScaleNorm(nn.Module):
    """RMS norm over a head's channels with one learnable scale a head.

    Without the scale the logits are bounded by the square root of the head width, and a small trunk
    cannot attend to one image token among a hundred (see docs/calibration.md).
    """

    def __init__(self, heads: int, epsilon: float) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.full((heads,), START_SCALE))
        self.epsilon = epsilon

    def forward(self, x: Float[Tensor, "*n h c"]) -> Float[Tensor, "*n h c"]:
        return head_rms_norm(x, self.scale, self.epsilon)


class Attention(nn.Module):
    """Grouped-query attention; query, key and value stay separate: Muon takes each whole."""

    def __init__(self, config: TrunkConfig) -> None:
        super().__init__()
        self.config = config
        inner, shared = config.heads * config.head_width, config.kv_heads * config.head_width
        self.query = nn.Linear(config.width, inner, bias=config.qkv_bias)
        self.key = nn.Linear(config.width, shared, bias=config.qkv_bias)
        self.value = nn.Linear(config.width, shared, bias=config.qkv_bias)
        self.output = nn.Linear(inner, config.width, bias=False)
        self.query_norm, self.key_norm = qk_norms(config)

    def forward(
        self, x: Float[Tensor, "b n d"], context: Context, cache: LayerCache | None = None
    ) -> Float[Tensor, "b n d"]:
        return self.output(self.mix(*self.project(x, context), context, cache))

    def project(self, x: Float[Tensor, "*n d"], context: Context) -> tuple[Tensor, Tensor, Tensor]:
        """Queries `[*n h c]`, keys and values `[*n g c]`, not yet rotated; `context` is for
        attention that chooses its weights by it."""
        parts = (self.query(x), self.key(x), self.value(x))
        width = self.config.head_width
        query, key, value = (part.unflatten(-1, (-1, width)) for part in parts)
        return self.query_norm(query), self.key_norm(key), value

    def mix(
        self,
        query: Float[Tensor, "b n h c"],
        key: Float[Tensor, "b n g c"],
        value: Float[Tensor, "b n g c"],
        context: Context,
        cache: LayerCache | None,
    ) -> Float[Tensor, "b n e"]:
        """The values that each position gathers, heads side by side; it has no parameters."""
        query = rotary(query, context.cosine, context.sine)
        key = rotary(key, context.cosine, context.sine)
        if context.packing is not None:
            query, key, value = (context.packing.spread(part) for part in (query, key, value))
        query, key, value = (part.transpose(1, 2) for part in (query, key, value))
        if cache is not None:
            key, value = cache.extend(key, value, context.start)
        mixed = attend(query, key, value, context.mask, context.watch)
        mixed = rearrange(mixed, "b h n c -> b n (h c)")
        return mixed if context.packing is None else context.packing.collect(mixed)


def qk_norms(config: TrunkConfig) -> tuple[nn.Module, nn.Module]:
    """The two norms of `trunk.qk_norm`, for queries and for keys."""
    if config.qk_norm == "none":
        return nn.Identity(), nn.Identity()
    if config.qk_norm == "channel":  # Qwen3's form
        norms = [RMSNorm(config.head_width, config.norm_epsilon) for _ in range(2)]
        return norms[0], norms[1]
    return (
        HeadScaleNorm(config.heads, config.norm_epsilon),
        HeadScaleNorm(config.kv_heads, config.norm_epsilon),
    )


def attend(
    query: Float[Tensor, "b h n c"],
    key: Float[Tensor, "b g m c"],
    value: Float[Tensor, "b g m c"],
    mask: Tensor | None,
    watch: Watch | None = None,
) -> Float[Tensor, "b h n c"]:
    """Attention under an additive mask (None: causal).

    Fused on CUDA, and on a CPU where queries draw on a cache without gradients: there the backward
    of PyTorch's fused bf16 kernel is several times slower than plain products at these lengths
    (`make perf`).
    """
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = (x.repeat_interleave(groups, dim=1) for x in (key, value))
    if watch is not None:
        assert mask is None, "a watch counts what a causal pass gives"
        with torch.autocast(query.device.type, enabled=False):
            return watch.attend(query, key, value)
    if query.is_cuda or (mask is not None and not torch.is_grad_enabled()):
        stacked = mask[:, None] if mask is not None and mask.dim() == 3 else mask
        return nn.functional.scaled_dot_product_attention(
            query, key, value, attn_mask=stacked, is_causal=mask is None
        )
    with torch.autocast("cpu", enabled=False):  # else softmax goes through fp32 and back
        if mask is None:
            return causal_attention(query, key, value)
        return plain_attention(query, key, value, mask)


def plain_attention(
    query: Float[Tensor, "b h n c"],
    key: Float[Tensor, "b h m c"],
    value: Float[Tensor, "b h m c"],
    mask: Tensor,
) -> Float[Tensor, "b h n c"]:
    """Products and softmax in the inputs' dtype; the mask is added by the first product."""
    heads, scale = query.shape[1], query.shape[-1] ** -0.5
    if mask.dim() == 3:
        mask = mask.repeat_interleave(heads, dim=0)
    flat = [x.flatten(0, 1) for x in (query, key, value)]
    mask = mask.expand(len(flat[0]), *mask.shape[-2:])
    logits = torch.baddbmm(mask, flat[0], flat[1].transpose(1, 2), alpha=scale)
    return torch.bmm(torch.softmax(logits, dim=-1), flat[2]).view_as(query)


class FeedForward(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.gate = nn.Linear(width, hidden, bias=False)
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... d"]:
        return self.down(swiglu(self.gate(x), self.up(x)))


class Block(nn.Module):
    """One decoder layer; `feed_forward` may be replaced by a routed one."""

    def __init__(self, config: TrunkConfig) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(config.width, config.norm_epsilon)
        self.attention = Attention(config)
        self.feed_forward_norm = RMSNorm(config.width, config.norm_epsilon)
        self.feed_forward: nn.Module = FeedForward(config.width, config.feed_forward)

    def attend(
        self, x: Float[Tensor, "b n d"], context: Context, place: Place
    ) -> Float[Tensor, "*n d"]:
        """The first half of the layer; after it the last layer drops what nobody wants."""
        x = x + self.attention(self.attention_norm(x), context, place.cache)
        if place.is_last and context.wanted is not None:
            return x.flatten(0, 1).index_select(0, context.wanted)
        return x

    def forward(
        self, x: Float[Tensor, "b n d"], context: Context, task: Task, place: Place
    ) -> tuple[Float[Tensor, "*n d"], "Auxiliary"]:
        x = self.attend(x, context, place)
        return x + self.feed_forward(self.feed_forward_norm(x)), {}


Auxiliary = dict[str, Tensor]
"""Named by-products of a layer: scalars whose name ends in `_loss` are added to the objective."""


@dataclass(frozen=True)
class TrunkOutput:
    """Last states, `[b n d]` or `[t d]` of those wanted, each layer's output, and each layer's
    auxiliary values."""

    states: Tensor
    layers: list[Tensor] = field(default_factory=list)
    auxiliary: list[Auxiliary] = field(default_factory=list)


def run_blocks(
    blocks: Iterable[nn.Module], norm: nn.Module, x: Tensor, context: Context, task: Task
) -> TrunkOutput:
    """Passes `x` through `blocks` in order and normalises the end; keeps every layer's output."""
    layers, auxiliary, stack = [], [], list(blocks)
    caches = context.cache or [None] * len(stack)
    for block, cache in zip(stack, caches, strict=True):
        x, extra = block(x, context, task, Place(cache, is_last=block is stack[-1]))
        layers.append(x)
        auxiliary.append(extra)
    return TrunkOutput(norm(x), layers, auxiliary)


class Trunk(nn.Module, ABC):
    """What the rest needs of an architecture over tokens: a pass, and where its tensors start."""

    config: TrunkConfig

    @abstractmethod
    def start_from(self, name: str, shared: dict[str, Tensor]) -> Tensor | None:
        """The value that tensor `name` takes from a shared trunk; None for one of its own."""

    def path(self, task: Task) -> tuple[list[nn.Module], nn.Module]:
        """The layers and the final norm that a sequence of `task` passes through."""
        return list(self.layers), self.norm  # pyright: ignore

    def forward(self, x: Float[Tensor, "b n d"], context: Context, task: Task) -> TrunkOutput:
        """The states that a sequence of `task` leaves with, of embeddings `x`."""
        return run_blocks(*self.path(task), x, context, task)
