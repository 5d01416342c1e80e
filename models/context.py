"""What a pass through the trunk needs beside the states: sizes, positions, masks and caches."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from models.attention_mass import Watch
from models.packing import Packing

QK_NORMS = ("none", "head_scale", "channel")


@dataclass(frozen=True, kw_only=True)
class TrunkConfig:
    """Sizes of a trunk. `feed_forward` is the hidden width of the SwiGLU."""

    depth: int = 6
    width: int = 128
    heads: int = 4
    kv_heads: int = 4
    feed_forward: int = 352
    qk_norm: str = "head_scale"
    qkv_bias: bool = False
    rope_base: float = 10_000.0
    norm_epsilon: float = 1e-6

    def __post_init__(self) -> None:
        for name in ("depth", "width", "heads", "kv_heads", "feed_forward"):
            if getattr(self, name) < 1:
                raise ValueError(f"trunk.{name} must be at least 1, got {getattr(self, name)}.")
        for name in ("rope_base", "norm_epsilon"):
            if not getattr(self, name) > 0:
                raise ValueError(f"trunk.{name} must be above 0, got {getattr(self, name)}.")
        if self.width % self.heads or (self.width // self.heads) % 2:
            raise ValueError(
                f"trunk.width must be an even multiple of trunk.heads={self.heads}, "
                f"got {self.width}."
            )
        if self.heads % self.kv_heads:
            raise ValueError(
                f"trunk.kv_heads must divide trunk.heads={self.heads}, got {self.kv_heads}."
            )
        if self.qk_norm not in QK_NORMS:
            raise ValueError(f"trunk.qk_norm must be one of {QK_NORMS}, got {self.qk_norm!r}.")

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    def turns(self, device: torch.device) -> Float[Tensor, "w"]:
        """Radians that each pair of a head's channels turns by from one position to the next."""
        half = self.head_width // 2
        return self.rope_base ** -(torch.arange(half, device=device, dtype=torch.float32) / half)


class LayerCache(ABC):
    """What one layer has seen before this pass."""

    @abstractmethod
    def extend(self, keys: Tensor, values: Tensor, start: int) -> tuple[Tensor, Tensor]:
        """Takes in this pass's keys and values `[b g n c]`, the first of them number `start`.

        Returns all that the pass may look at, `[b g m c]`.
        """


class RecordingCache(LayerCache):
    """Has seen nothing and keeps what its layer computes."""

    def __init__(self) -> None:
        self.keys = self.values = torch.empty(0)

    def extend(self, keys: Tensor, values: Tensor, start: int) -> tuple[Tensor, Tensor]:
        self.keys, self.values = keys, values
        return keys, values


@dataclass(frozen=True)
class Context:
    """What attention needs beside the states: rotary tables, an additive mask, and a cache or none.

    `cosine` and `sine` are `[n, e]` or `[b, n, e]`, all heads side by side; `mask` is `[n, m]` or
    `[b, n, m]`, None for causal; `start` is the first cache slot that this call writes. Under a
    `packing` the states are rows `[1 t d]`. Where `wanted` is given, indices into the positions
    `[b n]` laid end to end, or into the rows, the trunk returns the states of those alone.
    Trunks that choose weights by more than the task read, for each position or row, `is_image` and
    the `coin` that its sample's prompt has tossed.
    Where a `watch` is given, which needs a causal pass, every layer leaves its mass in it.
    """

    cosine: Tensor
    sine: Tensor
    mask: Tensor | None = None
    cache: Sequence[LayerCache] | None = None
    start: int = 0
    wanted: Tensor | None = None
    is_image: Tensor | None = None
    coin: Tensor | None = None
    watch: Watch | None = None
    packing: Packing | None = None


@dataclass(frozen=True)
class Place:
    """What a layer knows of its place in the stack."""

    cache: LayerCache | None = None
    is_last: bool = False


def rotary_tables(
    positions: Int[Tensor, "..."], config: TrunkConfig, dtype: torch.dtype
) -> tuple[Float[Tensor, "... e"], Float[Tensor, "... e"]]:
    """Cosines and sines for `rotary`, the same for every head; those of the first half of a head's
    sines are negated. All layers of a pass turn by them."""
    angles = positions.to(torch.float32)[..., None] * config.turns(positions.device)
    cosine, sine = angles.cos().to(dtype), angles.sin().to(dtype)
    heads = config.heads
    return torch.cat((cosine, cosine) * heads, -1), torch.cat((-sine, sine) * heads, -1)


def causal_context(
    states: Float[Tensor, "b n d"],
    config: TrunkConfig,
    packing: Packing | None = None,
    watch: Watch | None = None,
) -> Context:
    """Each position sees the earlier ones, without a cache: what training uses.

    `states` are those of positions 0 to n-1, or of the packing's rows.
    """
    places = torch.arange(states.shape[1], device=states.device)
    if packing is not None:
        places = packing.kept % packing.rows.shape[1]
    tables = rotary_tables(places, config, states.dtype)
    return Context(*tables, packing=packing, watch=watch)
