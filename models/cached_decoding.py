"""One token at a time with a key-value cache: what drawing an image and answering share.

The prompts run once, each prompt one row, then rows may be copies of them. Shapes depend on the
prompts' padded width and on the number of steps alone, never on what the rows hold: a CPU's
products round by their shapes, and a row must not depend on its neighbours.
"""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from models import Task
from models.context import Context, LayerCache, RecordingCache, rotary_tables
from models.text_tokens import PAD
from models.unified import Tables, UnifiedModel, state_dtype

ROOM = 32
"""Slots that a full cache grows by; few sizes, all fast ones, as a product of a new size is slow.
"""


class SlotCache(LayerCache):
    """Keys and values `[b g m c]` of one layer, in slots that are written one by one."""

    def __init__(self, prompt: RecordingCache, rows: Int[Tensor, "b"]) -> None:
        self.keys, self.values = prompt.keys[rows], prompt.values[rows]

    def grow(self, slots: int) -> None:
        self.keys, self.values = (pad(one, (0, 0, 0, slots)) for one in (self.keys, self.values))

    def extend(self, keys: Tensor, values: Tensor, start: int) -> tuple[Tensor, Tensor]:
        """Returns all slots, as products of a part would copy it; a mask hides the unwritten."""
        end = start + keys.shape[2]
        self.keys[:, :, start:end], self.values[:, :, start:end] = keys, values
        return self.keys, self.values


class CachedDecoder:
    """The rows of one chunk: their cache, and the steps that fill it."""

    def __init__(
        self,
        model: UnifiedModel,
        prompts: Sequence[list[int]],
        task: Task,
        width: int,
        tables: Tables | None = None,
    ) -> None:
        """`tables` stand in for the embeddings of all tokens."""
        self.model, self.task, self.width, self.written = model, task, width, 0
        device = next(model.parameters()).device
        self.dtype = state_dtype(device)
        self.lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
        filled = [prompt + [PAD] * (width - len(prompt)) for prompt in prompts]
        self.prompts = torch.tensor(filled, device=device)
        self.tables = tables or model.embedding.tables(self.dtype)
        self.coin = model.coin(self.prompts, self.prompts != PAD)
        self.cache: list[SlotCache] = []

    def prefill(self, rows: Int[Tensor, "b"]) -> Float[Tensor, "b d"]:
        """Runs the prompts; row i goes on from prompt `rows[i]`. Returns the last tokens' states.

        A prompt is causal and its pads stand behind it: no mask is needed.
        """
        places = torch.arange(self.width, device=self.prompts.device)
        tables = rotary_tables(places, self.model.trunk.config, self.dtype)
        records = [RecordingCache() for _ in range(self.model.trunk.config.depth)]
        starts = torch.arange(len(self.prompts), device=places.device) * self.width
        context = Context(*tables, cache=records, wanted=starts + self.lengths - 1)
        context = self.informed(context, self.prompts)
        embedded = self.model.embed(self.prompts, self.tables)
        states = self.model.trunk(embedded, context, self.task).states
        self.cache = [SlotCache(record, rows) for record in records]
        self.lengths, self.coin = self.lengths[rows], self.coin[rows]
        hidden = (places >= self.lengths[:, None])[:, None]
        self.slot_mask = torch.zeros(hidden.shape, dtype=self.dtype, device=places.device)
        self.slot_mask.masked_fill_(hidden, float("-inf"))
        return states[rows]

    def step(self, tokens: Int[Tensor, "b"], place: int | None = None) -> Float[Tensor, "b d"]:
        """Appends one token a row (`place`: its position in the image); returns its states."""
        start = self.width + self.written
        if start == self.slot_mask.shape[-1]:
            self._grow(ROOM - start % ROOM)
        self.slot_mask[..., start] = 0
        positions = (self.lengths + self.written)[:, None]
        self.written += 1
        tables = rotary_tables(positions, self.model.trunk.config, self.dtype)
        context = Context(*tables, self.slot_mask, self.cache, start)
        context = self.informed(context, tokens[:, None])
        states = self.model.embed(tokens[:, None], self.tables, place)
        return self.model.trunk(states, context, self.task).states[:, 0]

    def informed(self, context: Context, tokens: Int[Tensor, "b n"]) -> Context:
        """The context with what a trunk may choose weights by beside the task."""
        is_image = tokens >= self.model.vocabulary.text
        return replace(context, is_image=is_image, coin=self.coin[:, None].expand_as(tokens))

    def _grow(self, slots: int) -> None:
        self.slot_mask = pad(self.slot_mask, (0, slots), value=float("-inf"))
        for cache in self.cache:
            cache.grow(slots)
