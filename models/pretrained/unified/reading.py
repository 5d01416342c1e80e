"""One batch of one task as a published model reads it: rows of tokens, padded behind.

understand   [ before | image | question | answer end | question | answer end ] pad
generate     [ prompt | start of image | image | end ] pad
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from models import Task
from models.attention_mass import Watch


@runtime_checkable
class Example(Protocol):
    """What a model is tuned on: `image` uint8 [h, w, 3] or None, with a caption, or with questions
    and their answers in `turns`."""

    @property
    def image(self) -> np.ndarray | None: ...

    @property
    def caption(self) -> str: ...

    @property
    def turns(self) -> Sequence[tuple[str, str]]: ...


@dataclass(frozen=True)
class Row:
    """One sequence: its tokens, which of them the loss predicts, which are the image's, and which
    are words of a prompt that is drawn; `inputs` are the image's for the model's forward."""

    tokens: Int[Tensor, "n"]
    predicted: Bool[Tensor, "n"]
    is_image: Bool[Tensor, "n"]
    is_word: Bool[Tensor, "n"]
    inputs: Mapping[str, Tensor] = field(default_factory=dict)

    def cut(self, longest: int | None) -> "Row":
        """Its first `longest` tokens. Raises ValueError where the image does not fit in them."""
        if longest is not None and self.is_image[longest:].any():
            raise ValueError(
                f"train.longest must leave room for an image of {int(self.is_image.sum())} tokens, "
                f"got {longest}."
            )
        return Row(
            self.tokens[:longest],
            self.predicted[:longest],
            self.is_image[:longest],
            self.is_word[:longest],
            self.inputs,
        )


@dataclass(frozen=True)
class Reading:
    """Rows of one task together; `inputs` hold the images of all rows that have one."""

    task: Task
    tokens: Int[Tensor, "b n"]
    predicted: Bool[Tensor, "b n"]
    is_image: Bool[Tensor, "b n"]
    is_word: Bool[Tensor, "b n"]
    inputs: Mapping[str, Tensor]

    def watch(self) -> Watch:
        """Who asks, and who is asked about, as `models/interaction_loss.py` has it: image tokens
        that precede one, and the prompt's words; or what precedes an answer's words and its end,
        and the image's tokens."""
        if self.task == "understand":
            return Watch(queries=ahead(self.predicted) & ~self.is_image, keys=self.is_image)
        return Watch(queries=ahead(self.is_image) & self.is_image, keys=self.is_word)


def ahead(marked: Bool[Tensor, "b n"]) -> Bool[Tensor, "b n"]:
    """Which positions stand right before a marked one."""
    return torch.nn.functional.pad(marked[:, 1:], (0, 1))


def together(task: Task, rows: Sequence[Row], device: torch.device) -> Reading:
    """Rows of unequal lengths as one batch."""

    def padded(name: str) -> Tensor:
        return pad_sequence([getattr(row, name) for row in rows], batch_first=True).to(device)

    names = {name for row in rows for name in row.inputs}
    inputs = {
        name: torch.cat([row.inputs[name] for row in rows if name in row.inputs]).to(device)
        for name in sorted(names)
    }
    return Reading(
        task=task,
        tokens=padded("tokens"),
        predicted=padded("predicted"),
        is_image=padded("is_image"),
        is_word=padded("is_word"),
        inputs=inputs,
    )
