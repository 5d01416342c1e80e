"""Queries that read on where a frozen model of transformers has read a prompt.

    prompt  ──▶ every layer ──▶ keys and values        no gradient, computed once, may be kept
    queries ──▶ every layer, after those ──▶ states    all that a training step pays for

A prompt is padded on its right, which no query sees, and a query's place counts on from the
prompt's last: in models whose images take fewer places than tokens, from where they end.
`models/prompt_states.py` does the same in our own trunk.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from transformers import DynamicCache, PreTrainedModel


@dataclass(frozen=True)
class Prefix:
    """What prompts leave for queries: keys and values of all layers, without gradient.

    `kept` marks what is no padding; `places` is the first free place of each prompt.
    """

    keys: Float[Tensor, "b layers g n c"]
    values: Float[Tensor, "b layers g n w"]
    kept: Bool[Tensor, "b n"]
    places: Int[Tensor, "b"]

    @property
    def nbytes(self) -> int:
        return self.keys.nbytes + self.values.nbytes

    def cache(self, count: int) -> DynamicCache:
        """A cache of `count` rows that opens with the prefix, or with its one row in each."""
        parts = [part.expand(count, -1, -1, -1, -1) for part in (self.keys, self.values)]
        return DynamicCache(zip(*(part.unbind(1) for part in parts), strict=True))

    def rows(self) -> "list[Prefix]":
        """Each prompt's own, `b=1`, without padding."""
        return [
            Prefix(
                self.keys[row : row + 1, ..., :length, :],
                self.values[row : row + 1, ..., :length, :],
                self.kept[row : row + 1, :length],
                self.places[row : row + 1],
            )
            for row, length in enumerate(self.kept.sum(1).tolist())
        ]

    def to(self, device: torch.device) -> "Prefix":
        """A copy of its own on `device`, which keeps nothing else alive."""
        parts = (self.keys, self.values, self.kept, self.places)
        return Prefix(*(part.to(device, copy=True) for part in parts))


def join(rows: Sequence[Prefix], device: torch.device) -> Prefix:
    """Prefixes of one prompt each as one of all, padded on the right to the longest."""
    longest = max(row.kept.shape[1] for row in rows)

    def padded(parts: Sequence[Tensor]) -> Tensor:
        shape = (len(parts), *parts[0].shape[1:-2], longest, parts[0].shape[-1])
        out = torch.zeros(shape, dtype=parts[0].dtype, device=device)
        for place, part in zip(out, parts, strict=True):
            place[..., : part.shape[-2], :] = part[0]
        return out

    kept = padded([row.kept[..., None] for row in rows])[..., 0]
    places = torch.cat([row.places for row in rows]).to(device)
    return Prefix(
        padded([row.keys for row in rows]), padded([row.values for row in rows]), kept, places
    )


@torch.no_grad()
def read_prompts(model: PreTrainedModel, inputs: Mapping[str, Tensor]) -> Prefix:
    """The prefix of a processor's batch (`input_ids` [b n], `attention_mask`, images, ...)."""
    cache, kept = DynamicCache(), inputs["attention_mask"].bool()
    base: Any = model.base_model
    with recorded_places(base.get_decoder()) as seen:
        base(**inputs, past_key_values=cache, use_cache=True)
    places = kept.sum(1)
    if seen and seen[0] is not None:
        places = seen[0].reshape(-1, *kept.shape).masked_fill(~kept, -1).amax((0, 2)) + 1
    return prefix_of(cache, kept, places)


@torch.no_grad()
def read_texts(
    model: PreTrainedModel, tokens: Int[Tensor, "b n"], kept: Bool[Tensor, "b n"], head: Prefix
) -> Prefix:
    """The prefix of texts that open with one `head`, which is not computed again.

    `tokens` are what follows the head.
    """
    count, length = len(tokens), head.kept.shape[1]
    cache = head.cache(count)
    whole = torch.cat((head.kept.expand(count, -1), kept), dim=1)
    decoder: Any = model.get_decoder()
    decoder(
        input_ids=tokens,
        attention_mask=whole.long(),
        position_ids=places_after(head.places.expand(count), tokens.shape[1]),
        past_key_values=cache,
        use_cache=True,
    )
    return prefix_of(cache, whole, length + kept.sum(1))


def read_queries(
    model: PreTrainedModel, queries: Float[Tensor, "b q d"], prefix: Prefix
) -> Float[Tensor, "b q d"]:
    """The last states of queries that stand after the prompts, each seeing the earlier ones.

    Raises ValueError where padding would count in a sliding window that they do not fit in.
    """
    config, total = model.config.get_text_config(), prefix.kept.shape[1] + queries.shape[1]
    window = getattr(config, "sliding_window", None)
    if window is not None and total > window:
        raise ValueError(f"prompt and queries must fit in a window of {window}, got {total}.")
    mask = nn.functional.pad(prefix.kept, (0, queries.shape[1]), value=True)
    decoder: Any = model.get_decoder()
    return decoder(
        inputs_embeds=queries,
        attention_mask=mask.long(),
        position_ids=places_after(prefix.places, queries.shape[1]),
        past_key_values=prefix.cache(len(queries)),
        use_cache=True,
    ).last_hidden_state


def places_after(first: Int[Tensor, "b"], count: int) -> Int[Tensor, "b n"]:
    return first[:, None] + torch.arange(count, device=first.device)


def prefix_of(cache: DynamicCache, kept: Bool[Tensor, "b n"], places: Int[Tensor, "b"]) -> Prefix:
    """What a pass has left in a cache that holds all layers' keys and values."""
    layers: Any = cache.layers
    keys = torch.stack([layer.keys for layer in layers], dim=1)
    return Prefix(keys, torch.stack([layer.values for layer in layers], dim=1), kept, places)


@contextmanager
def recorded_places(decoder: nn.Module) -> Iterator[list[Tensor | None]]:
    """The `position_ids` that the decoder is given meanwhile, None where it counts by itself."""
    seen: list[Tensor | None] = []

    def record(_: nn.Module, arguments: Any, named: dict[str, Any]) -> None:
        seen.append(named.get("position_ids"))

    handle = decoder.register_forward_pre_hook(record, with_kwargs=True)
    try:
        yield seen
    finally:
        handle.remove()
