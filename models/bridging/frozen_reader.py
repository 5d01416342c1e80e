"""Any causal or image-text-to-text model of transformers as the bridge's frozen half.

    prompts, in the model's chat template ──▶ [ frozen model ] ◀── queries as input embeddings
                                                     │ last states of the queries

MetaQuery's queries are rows of the vocabulary and OpenUni's stand behind the prompt's embeddings;
both pass prompt and queries through the model together, forwards and backwards. Here the prompt is
read without gradient, the head that all prompts share once, and a prompt that comes again not at
all where a store is given. Sources: MetaQuery (arXiv 2504.06256), OpenUni (arXiv 2505.23661).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from statistics import median
from typing import Any

import torch
from einops import repeat
from jaxtyping import Float
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    AutoProcessor,
    AutoTokenizer,
    PretrainedConfig,
    PreTrainedModel,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING

from models.bridging.frozen_prompts import ChatEncoder, Prompt
from models.bridging.frozen_states import (
    Prefix,
    join,
    read_prompts,
    read_queries,
    read_texts,
)
from models.bridging.frozen_store import PromptStore
from models.whole_models import whole_model

ATTENTIONS = {"full_attention", "sliding_attention"}
ROUNDS = 3


@dataclass(frozen=True)
class Costs:
    """Seconds that the prefixes of some prompts take: read anew, and fetched from a store."""

    reading: float
    fetching: float


class FrozenReader(nn.Module):
    """A frozen `model` behind its chat template; `store` keeps prefixes, None: none are kept.

    `name` is the checkpoint it was opened from, None for a model made in memory. Raises ValueError
    for a model with layers whose memory is not every token's key and value.
    """

    def __init__(
        self, model: PreTrainedModel, encoder: ChatEncoder, store: PromptStore | None = None
    ) -> None:
        super().__init__()
        kinds = set(getattr(model.config.get_text_config(), "layer_types", None) or ATTENTIONS)
        if kinds - ATTENTIONS:
            raise ValueError(
                "a frozen model must have attention alone in its layers, "
                f"got {type(model).__name__} with {', '.join(sorted(kinds - ATTENTIONS))}."
            )
        self.model = model.requires_grad_(False).eval()
        self.encoder, self.store = encoder, store
        self.name: str | None = None
        self._head: tuple[list[int], Prefix | None] | None = None

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "FrozenReader":
        self._head = None  # it is on the old device, in the old precision
        return super()._apply(fn, recurse)

    def train(self, mode: bool = True) -> "FrozenReader":
        super().train(mode)
        self.model.eval()
        return self

    @property
    def width(self) -> int:
        return self.model.config.get_text_config().hidden_size

    def states(
        self, prompts: Sequence[Prompt], queries: Float[Tensor, "q d"]
    ) -> Float[Tensor, "b q d"]:
        """The last states of the queries behind each prompt; gradient reaches the queries alone."""
        behind = repeat(queries.to(self.model.dtype), "q d -> b q d", b=len(prompts))
        return read_queries(self.model, behind, self.prefix(prompts))

    def prefix(self, prompts: Sequence[Prompt]) -> Prefix:
        """What the prompts leave for queries, each prompt read once however often it stands."""
        wanted = {prompt.key: prompt for prompt in prompts}
        found: dict[str, Prefix] = {}
        if self.store is not None:
            held = {key: self.store.fetch(key) for key in wanted}
            found = {key: prefix for key, prefix in held.items() if prefix is not None}
        missing = [prompt for key, prompt in wanted.items() if key not in found]
        for _, group in groupby(sorted(missing, key=image_count), key=image_count):
            together = list(group)
            for prompt, row in zip(together, self.read(together).rows(), strict=True):
                found[prompt.key] = row
                if self.store is not None:
                    self.store.keep(prompt.key, row)
        return join([found[prompt.key] for prompt in prompts], self.model.device)

    def read(self, prompts: Sequence[Prompt]) -> Prefix:
        """The prefixes of prompts with equally many images, computed."""
        batch = self.encoder(prompts)
        head, prefix = self.head()
        count, tokens = len(head), batch["input_ids"]
        alike = not prompts[0].images and tokens[:, :count].tolist() == [head] * len(prompts)
        inputs = {name: on_model(value, self.model) for name, value in batch.items()}
        if prefix is None or not alike or tokens.shape[1] == count:
            return read_prompts(self.model, inputs)
        kept = inputs["attention_mask"][:, count:].bool()
        return read_texts(self.model, inputs["input_ids"][:, count:], kept, prefix)

    def head(self) -> tuple[list[int], Prefix | None]:
        """The tokens that texts open with, and their prefix, computed once; None for no tokens."""
        if self._head is None:
            head = self.encoder.head()
            tokens = torch.tensor([head], device=self.model.device)
            inputs = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
            self._head = head, read_prompts(self.model, inputs) if head else None
        return self._head

    def keep_where_cheaper(self, prompts: Sequence[Prompt], store: PromptStore) -> Costs:
        """Takes the store if it gives such prompts' prefixes in less time than reading them."""
        self.store = None
        reading = median_seconds(lambda: self.prefix(prompts))
        self.store = store
        self.prefix(prompts)
        costs = Costs(reading, median_seconds(lambda: self.prefix(prompts)))
        if costs.fetching >= costs.reading:
            self.store = None
        return costs


def on_model(value: Tensor, model: PreTrainedModel) -> Tensor:
    """An input on the model's device; pixels in its precision."""
    return value.to(model.device, model.dtype if value.is_floating_point() else None)


def image_count(prompt: Prompt) -> int:
    return len(prompt.images)


def median_seconds(run: Callable[[], Prefix]) -> float:
    """The time of `run` until its result is there, the first of several rounds not counted."""
    seconds = []
    for _ in range(ROUNDS + 1):
        started = time.perf_counter()
        run().places.tolist()
        seconds.append(time.perf_counter() - started)
    return median(seconds[1:])


def reader_class(config: PretrainedConfig) -> Any:
    """The class of transformers that opens such a config: the one that sees, where one does."""
    sees = type(config) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
    return AutoModelForImageTextToText if sees else AutoModelForCausalLM


def open_reader(
    name: str | Path, system: str = "", dtype: torch.dtype = torch.float32
) -> FrozenReader:
    """The reader of a folder or hub id.

    Raises OSError or ValueError if there is no such checkpoint, ValueError if a file is cut, or
    weights are missing or misshapen, all of them named.
    """
    kind = reader_class(AutoConfig.from_pretrained(name))
    model = whole_model(kind, name, dtype=dtype)
    part: Any = AutoProcessor if kind is AutoModelForImageTextToText else AutoTokenizer
    reader = FrozenReader(model, ChatEncoder(part.from_pretrained(name), system))
    reader.name = str(name)
    return reader
