"""How the bridge reads a prompt in its language model: as a cached prefix, and queries after it.

    <understand> caption │ query 1 … query N        the mask is causal; queries do not see pads
    └─ keys and values ──┘ └ a second pass ┘

The prefix is a pass of its own, so that a frozen model computes it without gradient.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from models.batch import Sequences
from models.context import (
    Context,
    LayerCache,
    RecordingCache,
    TrunkConfig,
    causal_context,
    rotary_tables,
)
from models.text_tokens import PAD, UNDERSTAND
from models.unified import UnifiedModel


class PrefixCache(LayerCache):
    """The prompt's keys and values; later ones are appended, not stored."""

    def __init__(self, prompt: RecordingCache) -> None:
        self.keys, self.values = prompt.keys, prompt.values

    def extend(self, keys: Tensor, values: Tensor, start: int) -> tuple[Tensor, Tensor]:
        return torch.cat((self.keys, keys), dim=2), torch.cat((self.values, values), dim=2)


def read_prompts(
    model: UnifiedModel, prompts: Int[Tensor, "b n"]
) -> tuple[Float[Tensor, "b n d"], list[PrefixCache]]:
    """The last states of the prompts, and a cache of them for `read_queries`."""
    records = [RecordingCache() for _ in range(model.trunk.config.depth)]
    states = model.embed(prompts)
    context = replace(causal_context(states, model.trunk.config), cache=records)
    states = model.trunk(states, context, "understand").states
    return states, [PrefixCache(record) for record in records]


def read_queries(
    model: UnifiedModel,
    queries: Float[Tensor, "b q d"],
    lengths: Int[Tensor, "b"],
    prefix: list[PrefixCache],
) -> Float[Tensor, "b q d"]:
    """The last states of queries that stand after prompts of `lengths` tokens."""
    slots = torch.arange(prefix[0].keys.shape[2], device=queries.device)
    context = query_context(queries, lengths, slots >= lengths[:, None], model.trunk.config)
    return model.trunk(queries, replace(context, cache=prefix), "understand").states


def query_context(
    queries: Float[Tensor, "b q d"],
    lengths: Int[Tensor, "b"],
    beyond: Bool[Tensor, "b n"],
    trunk: TrunkConfig,
) -> Context:
    """Positions from `lengths` on, each seeing the earlier ones and no prompt slot `beyond`."""
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
    """Prompts as the language model reads them, their lengths, and the image codes.

    A sequence `<generate> prompt <image> codes` becomes `<understand> prompt` and the codes, which
    are its targets; the prompt may hold images of its own.
    """
    tokens, predicted = sequences["tokens"], sequences["predicted"]
    lengths = predicted.int().argmax(1) - 1
    codes = (tokens[predicted] - text).view(len(tokens), -1)
    return language_prompts(tokens[:, : int(lengths.max())], lengths), lengths, codes


def padded_prompts(
    prompts: Sequence[list[int]], width: int, device: torch.device
) -> tuple[Int[Tensor, "b n"], Int[Tensor, "b"]]:
    """Prompts that end in `<image>` as the language model reads them, `width` tokens each, and
    their lengths."""
    lengths = torch.tensor([len(row) - 1 for row in prompts], device=device)
    padded = [row[:-1] + [PAD] * (width - len(row) + 1) for row in prompts]
    return language_prompts(torch.tensor(padded, device=device), lengths), lengths


def language_prompts(tokens: Int[Tensor, "b n"], lengths: Int[Tensor, "b"]) -> Int[Tensor, "b n"]:
    """Opens each row with the language model's task token and pads it beyond its length."""
    beyond = torch.arange(tokens.shape[1], device=tokens.device) >= lengths[:, None]
    prompts = tokens.masked_fill(beyond, PAD)
    prompts[:, 0] = UNDERSTAND
    return prompts
