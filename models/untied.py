"""Two copies of a block in one layer: a token takes one of them, and attention is over all tokens.

    x ─┬─ tokens of the first ─── norm, q k v ─┐             ┌─ output, norm, feed-forward ─┬─▶
       └─ tokens of the second ── norm, q k v ─┴─ attention ─┴─ output, norm, feed-forward ─┘

Every matrix product runs on its own tokens alone, so a layer costs what the common block costs.
`mot` chooses by modality, the placebo `fork_random` by sample.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from models import Task
from models.blocks import Auxiliary, Block, Context, LayerCache, Place, RMSNorm, TrunkConfig
from models.fused import permute

ROWS = 128
"""Each copy's tokens come in multiples of this: on a CPU a product of a new size is slow."""

Choice = Callable[[Context, int], Bool[Tensor, "b n"]]
"""From a context and the number of positions to the tokens that take the second copy."""


class Sorting:
    """Rows of two kinds, apart and together again; empty slots hold zeros and send nothing back."""

    def __init__(self, second: Bool[Tensor, "t"]) -> None:
        self.count = len(second)
        kinds = [(~second).nonzero()[:, 0], second.nonzero()[:, 0]]
        filled = [self.fill_up(rows) for rows in kinds]
        self.sizes = [len(rows) for rows in filled]
        self.slots = torch.cat(filled)
        self.places = self.slots.new_zeros(self.count + 1)
        self.places[self.slots] = torch.arange(len(self.slots), device=second.device)
        self.places[-1] = 0  # of the row of zeros, which wants nothing back

    def fill_up(self, rows: Int[Tensor, "s"]) -> Int[Tensor, "u"]:
        return torch.cat((rows, rows.new_full((-len(rows) % ROWS,), self.count)))

    def through(
        self,
        function: Callable[[nn.Module, Tensor], Tensor],
        copies: Sequence[nn.Module] | nn.ModuleList,
        x: Float[Tensor, "*n d"],
    ) -> Tensor:
        """`function(copy, rows)` of each copy on its own rows; a copy without rows is left out."""
        flat = x.flatten(0, -2)
        source = torch.cat((flat, flat.new_zeros(1, flat.shape[1])))
        parts = permute(source, self.slots, self.places).split(self.sizes)
        pairs = zip(copies, parts, strict=True)
        found = torch.cat([function(copy, part) for copy, part in pairs if len(part)])
        end = found.new_zeros(1, *found.shape[1:])
        order = torch.cat((self.places[:-1], self.places.new_tensor([len(found)])))
        back = torch.cat((self.slots, self.slots.new_tensor([self.count])))
        joined = permute(torch.cat((found, end)), order, back)[:-1]
        return joined.unflatten(0, x.shape[:-1])


class UntiedBlock(nn.Module):
    def __init__(self, config: TrunkConfig, choose: Choice) -> None:
        super().__init__()
        self.config, self.choose = config, choose
        self.copies = nn.ModuleList(Block(config) for _ in range(2))

    def idle_parameters(self) -> int:
        """Parameters that a token does not meet: one of the copies."""
        return sum(parameter.numel() for parameter in self.copies[0].parameters())

    def forward(
        self, x: Float[Tensor, "b n d"], context: Context, task: Task, place: Place
    ) -> tuple[Float[Tensor, "*n d"], Auxiliary]:
        second = self.choose(context, x.shape[1]).flatten()
        sorting = Sorting(second)
        x = x + self.attention(x, sorting, context, place.cache)
        if place.is_last and context.wanted is not None:
            x = x.flatten(0, 1).index_select(0, context.wanted)
            sorting = Sorting(second[context.wanted])
        return x + sorting.through(feed_forward_of, self.copies, x), {}

    def attention(
        self,
        x: Float[Tensor, "b n d"],
        sorting: Sorting,
        context: Context,
        cache: LayerCache | None,
    ) -> Float[Tensor, "b n d"]:
        heads = sorting.through(heads_of, self.copies, x)
        counts = (self.config.heads, self.config.kv_heads, self.config.kv_heads)
        mixed = self.copies[0].attention.mix(*heads.split(counts, dim=-2), context, cache)
        return sorting.through(output_of, self.copies, mixed)


def heads_of(block: Block, rows: Float[Tensor, "t d"]) -> Float[Tensor, "t heads c"]:
    """Query, key and value heads, one after the other."""
    return torch.cat(block.attention.project(block.attention_norm(rows)), dim=-2)


def output_of(block: Block, rows: Float[Tensor, "t d"]) -> Float[Tensor, "t d"]:
    return block.attention.output(rows)


def feed_forward_of(block: Block, rows: Float[Tensor, "t d"]) -> Float[Tensor, "t d"]:
    return block.feed_forward(block.feed_forward_norm(rows))


class UntiedNorm(nn.Module):
    """The final norm, one copy for each kind of token."""

    def __init__(self, config: TrunkConfig, choose: Choice) -> None:
        super().__init__()
        self.choose = choose
        norms = (RMSNorm(config.width, config.norm_epsilon) for _ in range(2))
        self.copies = nn.ModuleList(norms)

    def idle_parameters(self) -> int:
        """Parameters that a token does not meet: one of the copies."""
        return sum(parameter.numel() for parameter in self.copies[0].parameters())

    def forward(
        self, states: Float[Tensor, "*n d"], context: Context, length: int
    ) -> Float[Tensor, "*n d"]:
        """`states` of all `length` positions a row, or of those that `context` wants."""
        second = self.choose(context, length).flatten()
        kept = second if context.wanted is None else second[context.wanted]
        return Sorting(kept).through(lambda norm, rows: norm(rows), self.copies, states)


def of_one_copy(name: str) -> str:
    """The name that a tensor of a copy has in the shared trunk."""
    return name.replace("copies.0.", "").replace("copies.1.", "")
