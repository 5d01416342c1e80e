"""The inside of transformers' decoders: states by layer, and attention between the modalities.

An adapter says how a picture with its prompt is read (`Passage`). The watch stands in the decoder's
layers and in the place of its attention function while one passage runs; a model that nobody
watches runs as ever. Of the map it computes the rows of the queries alone, some at a time, so that
thousands of picture tokens fit; the states are averaged at once. Decoders with plain softmax
attention are served: no soft cap and no sink is looked for.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch
from torch import Tensor
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, eager_mask

from benchmarks.adapters.passage import Passage
from benchmarks.probes.protocol import (
    Choices,
    Gradient,
    Masses,
    NotApplicableError,
    Sample,
    States,
    Task,
)

WATCHED = "watched"
ROWS = 256
"""Queries whose attention is computed at a time."""


@dataclass
class Seen:
    """What one passage left in every layer: means over the picture and the words, and masses."""

    image: dict[int, Tensor] = field(default_factory=dict)
    words: dict[int, Tensor] = field(default_factory=dict)
    masses: dict[int, Tensor] = field(default_factory=dict)


class Reader(Protocol):
    """What an adapter does for a probe: it says how samples are read."""

    def passage(self, sample: Sample, task: Task) -> Passage:
        """Return how a sample is read for a task; NotApplicableError for one that it cannot do."""
        ...

    def prompt_passage(self, sample: Sample) -> Passage:
        """Return how a sample's prompt is read alone."""
        ...


class InspectedModel:
    """A public model seen from inside, one sample at a time."""

    def __init__(self, name: str, model: Any, reader: Reader) -> None:
        self.name, self.model, self.reader = name, model, reader

    def states(self, samples: Sequence[Sample], task: Task) -> States:
        """Return mean states; for `understand`, the prompt is read alone, as plain text."""
        image, prompt = [], []
        for sample in samples:
            seen = self.look(self.reader.passage(sample, task))
            read = self.look(self.reader.prompt_passage(sample)) if not seen.words else seen
            image.append(torch.stack([seen.image[layer] for layer in sorted(seen.image)]))
            prompt.append(read.words[max(read.words)])
        return States(torch.stack(image, dim=1).numpy(), torch.stack(prompt).numpy())

    def masses(self, samples: Sequence[Sample], task: Task) -> Masses:
        """Return each head's attention from one modality to the other."""
        found, uniform = [], []
        for sample in samples:
            passage = self.reader.passage(sample, task)
            seen = self.look(passage)
            found.append(torch.stack([seen.masses[layer] for layer in sorted(seen.masses)]))
            visible = passage.keys.cumsum(0) / torch.arange(1, len(passage.keys) + 1)
            uniform.append(visible[passage.queries].mean())
        return Masses(torch.stack(found, dim=1).numpy(), torch.stack(uniform).numpy())

    def choices(self, samples: Sequence[Sample], task: Task) -> Choices:
        """NotApplicableError: no public model here has experts of a task."""
        raise NotApplicableError(f"{self.name} has no experts that belong to tasks")

    def gradients(self, task: Task, batch: int) -> Mapping[str, Gradient]:
        """NotApplicableError: what a public model was trained on is not at hand."""
        raise NotApplicableError(f"{self.name} comes without the data that it was trained on")

    @torch.inference_mode()
    def look(self, passage: Passage) -> Seen:
        """Run a passage and return what its layers left."""
        seen = Seen()
        with watched(self.model.get_decoder(), passage, seen):
            self.model.model(**passage.inputs, use_cache=False)
        return seen


@contextmanager
def watched(decoder: Any, passage: Passage, seen: Seen) -> Iterator[None]:
    """Fill `seen` with what the decoder's layers do while the context lasts."""
    before = decoder.config._attn_implementation
    with ExitStack() as stack:
        for number, layer in enumerate(decoder.layers):
            hook = layer.register_forward_hook(
                lambda module, given, made, number=number: keep_states(
                    seen, number, made[0] if isinstance(made, tuple) else made, passage
                )
            )
            stack.callback(hook.remove)
        if bool(passage.queries.any()):
            AttentionMaskInterface.register(WATCHED, eager_mask)
            AttentionInterface.register(WATCHED, attention_keeping(seen, passage))
            decoder.set_attn_implementation(WATCHED)
            stack.callback(decoder.set_attn_implementation, before)
        yield


def keep_states(seen: Seen, number: int, states: Tensor, passage: Passage) -> None:
    """Keep the means of a layer's states [1, n, d] over the picture and over the words."""
    for place, chosen in ((seen.image, passage.image), (seen.words, passage.words)):
        if bool(chosen.any()):
            place[number] = states[0, chosen.to(states.device)].float().mean(0).cpu()


def attention_keeping(seen: Seen, passage: Passage) -> Any:
    """Return an attention function for transformers that keeps each layer's masses [heads]."""
    rows = passage.queries.nonzero()[:, 0]

    def attend(
        module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, **settings: Any
    ) -> tuple[Tensor, None]:
        scale = settings.get("scaling") or query.shape[-1] ** -0.5
        keys = key[0].repeat_interleave(query.shape[1] // key.shape[1], dim=0).transpose(1, 2)
        on = passage.keys.to(query.device)
        total = torch.zeros(query.shape[1])
        for part in rows.to(query.device).split(ROWS):
            logits = (query[0, :, part] @ keys).float() * scale
            if mask is not None:
                logits += mask[0, 0, part, : logits.shape[-1]]
            total += logits.softmax(-1)[..., on].sum((1, 2)).cpu()
        seen.masses[module.layer_idx] = total / len(rows)
        mixed, _ = sdpa_attention_forward(module, query, key, value, mask, **settings)
        return mixed, None

    return attend
