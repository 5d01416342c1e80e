"""Parts of a layer in two copies, of which a token takes one; attention is over all tokens.

    x ─┬─ tokens of the first ─── norm, q k v ─┐             ┌─ output, norm, feed-forward ─┬─▶
       └─ tokens of the second ── norm, q k v ─┴─ attention ─┴─ output, norm, feed-forward ─┘

Every matrix product runs on its own tokens alone, so a layer costs what the common block costs.
`mot` chooses by modality, the placebo `fork_random` by sample.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models import Task
from models.blocks import (
    Attention,
    Auxiliary,
    Block,
    FeedForward,
    RMSNorm,
    Trunk,
    TrunkOutput,
    run_blocks,
)
from models.context import Context, LayerCache, Place, TrunkConfig
from models.fused import permute
from models.seats import seats

Choice = Callable[[Context], Bool[Tensor, "b n"]]
"""Which tokens take the second copy."""


class Sorting:
    """Rows of two kinds, apart and together again; empty slots hold zeros and send nothing back."""

    def __init__(self, second: Bool[Tensor, "t"]) -> None:
        self.count = len(second)
        self.slots, self.places, self.sizes = seats(second.long(), 2)

    def through(
        self,
        function: Callable[[nn.Module, Tensor], Tensor],
        copies: nn.ModuleList,
        x: Float[Tensor, "*n d"],
    ) -> Tensor:
        """`function(copy, rows)` of each copy on its own rows; a copy without rows is left out."""
        flat = x.flatten(0, -2)
        source = torch.cat((flat, flat.new_zeros(1, flat.shape[1])))
        parts = permute(source, self.slots, self.places).split(self.sizes)
        pairs = zip(copies, parts, strict=True)
        found = torch.cat([function(copy, part) for copy, part in pairs if len(part)])
        end = found.new_zeros(1, found.shape[1])
        order = torch.cat((self.places[:-1], self.places.new_tensor([len(found)])))
        back = torch.cat((self.slots, self.slots.new_tensor([self.count])))
        joined = permute(torch.cat((found, end)), order, back)[:-1]
        return joined.unflatten(0, x.shape[:-1])


class Untied(nn.Module):
    """Two copies of a module that treats each token by itself."""

    def __init__(self, make: Callable[[], nn.Module], choose: Choice) -> None:
        super().__init__()
        self.choose = choose
        self.copies = nn.ModuleList(make() for _ in range(2))

    def idle_parameters(self) -> int:
        """Parameters that a token does not meet: one of the copies."""
        return sum(parameter.numel() for parameter in self.copies[0].parameters())

    def sorting(self, x: Float[Tensor, "*n d"], context: Context) -> Sorting:
        """`x` holds all positions `[b n d]`, or `[t d]` those that the context wants."""
        second = self.choose(context).flatten()
        kept = x.dim() == 2 and context.wanted is not None
        return Sorting(second[context.wanted] if kept else second)

    def forward(self, x: Float[Tensor, "*n d"], context: Context) -> Float[Tensor, "*n d"]:
        return self.sorting(x, context).through(lambda copy, rows: copy(rows), self.copies, x)


class UntiedAttention(Untied):
    """Projections in two copies; what they project attends across."""

    def __init__(self, config: TrunkConfig, choose: Choice) -> None:
        super().__init__(lambda: Attention(config), choose)
        self.config = config

    def forward(
        self, x: Float[Tensor, "b n d"], context: Context, cache: LayerCache | None = None
    ) -> Float[Tensor, "b n d"]:
        first = self.copies[0]
        assert isinstance(first, Attention)
        mixed = first.mix(*self.project(x, context), context, cache)  # either's: no parameters
        return self.sorting(x, context).through(output_of, self.copies, mixed)

    def project(self, x: Float[Tensor, "b n d"], context: Context) -> tuple[Tensor, Tensor, Tensor]:
        """As in `Attention`."""
        heads = self.sorting(x, context).through(partial(heads_of, context), self.copies, x)
        counts = (self.config.heads, self.config.kv_heads, self.config.kv_heads)
        parts = heads.unflatten(-1, (-1, self.config.head_width))
        query, key, value = parts.split(counts, dim=-2)
        return query, key, value


def heads_of(
    context: Context, attention: nn.Module, rows: Float[Tensor, "t d"]
) -> Float[Tensor, "t heads"]:
    """The channels of query, key and value heads, one after the other."""
    assert isinstance(attention, Attention)
    return torch.cat(attention.project(rows, context), dim=-2).flatten(-2)


def output_of(attention: nn.Module, rows: Float[Tensor, "t e"]) -> Float[Tensor, "t d"]:
    assert isinstance(attention, Attention)
    return attention.output(rows)


class UntiedBlock(Block):
    def __init__(self, config: TrunkConfig, choose: Choice) -> None:
        super().__init__(config)
        self.attention_norm = untied_norm(config, choose)
        self.attention = UntiedAttention(config, choose)
        self.feed_forward_norm = untied_norm(config, choose)
        self.feed_forward = Untied(lambda: FeedForward(config.width, config.feed_forward), choose)

    def forward(
        self, x: Float[Tensor, "b n d"], context: Context, task: Task, place: Place
    ) -> tuple[Float[Tensor, "*n d"], Auxiliary]:
        x = x + self.attention(self.attention_norm(x, context), context, place.cache)
        if place.is_last and context.wanted is not None:
            x = x.flatten(0, 1).index_select(0, context.wanted)
        return x + self.feed_forward(self.feed_forward_norm(x, context), context), {}


class UntiedTrunk(Trunk):
    """Layers of which all but the first `shared` are in two copies."""

    def __init__(self, config: TrunkConfig, choose: Choice, shared: int = 0) -> None:
        super().__init__()
        self.config = config
        common = (Block(config) for _ in range(shared))
        own = (UntiedBlock(config, choose) for _ in range(config.depth - shared))
        self.layers = nn.ModuleList([*common, *own])
        self.norm = untied_norm(config, choose)

    def forward(self, x: Float[Tensor, "b n d"], context: Context, task: Task) -> TrunkOutput:
        output = run_blocks(self.layers, nn.Identity(), x, context, task)
        return replace(output, states=self.norm(output.states, context))

    def start_from(self, name: str, shared: dict[str, Tensor]) -> Tensor:
        """The value that tensor `name` takes from a shared trunk: both copies start as it."""
        return shared[of_one_copy(name)]


def untied_norm(config: TrunkConfig, choose: Choice) -> Untied:
    return Untied(lambda: RMSNorm(config.width, config.norm_epsilon), choose)


def of_one_copy(name: str) -> str:
    """The name that a tensor of a copy has in the shared trunk."""
    return name.replace("copies.0.", "").replace("copies.1.", "")
