"""What a probe sees of a model: arrays by layer, for pictures that have a prompt.

Layers are counted from the input; the arrays hold what comes out of each. A model that lacks what
a probe asks for raises NotApplicableError, and the probe's table says so in a row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np

Task = Literal["understand", "generate"]
TASKS: tuple[Task, ...] = ("understand", "generate")


class NotApplicableError(ValueError):
    """A model lacks what a probe looks at; the message says what."""


@dataclass(frozen=True)
class Sample:
    """A picture, uint8 [h, w, 3], its prompt, the prompt's kind, and a question with its answer."""

    image: np.ndarray
    prompt: str
    kind: str
    question: str
    answer: str


@dataclass(frozen=True)
class States:
    """`image` [layers, samples, width], the mean over the picture's tokens of what each layer gives
    out; `prompt` [samples, width], the mean over the prompt's tokens of what the last layer does.
    """

    image: np.ndarray
    prompt: np.ndarray


@dataclass(frozen=True)
class Masses:
    """Attention from one modality to the other: `found` [layers, samples, heads], the share of a
    query's attention that falls on the keys, mean over the queries; `uniform` [samples], what it
    were if each position looked at all that it may see alike.

    The queries are the tokens that predict. Drawing, they are the picture's, and the keys are the
    words of the prompt; answering, they are the last of the question and the answer's, and the keys
    are the picture's.
    """

    found: np.ndarray
    uniform: np.ndarray


@dataclass(frozen=True)
class Choices:
    """Which experts the tokens of one task chose: `experts` int [layers, tokens, choices].

    `modality` and `word` [tokens] name each token; `group` [experts in all] is the task that each
    expert belongs to.
    """

    experts: np.ndarray
    modality: np.ndarray
    word: np.ndarray
    group: tuple[Task, ...]


@dataclass(frozen=True)
class Gradient:
    """The slope of a task's loss in one matrix, flattened, and where the matrix stands."""

    layer: int
    projection: str
    slope: np.ndarray


class Inspectable(Protocol):
    """A model whose inside can be seen; `name` says which, in tables and errors."""

    name: str

    def states(self, samples: Sequence[Sample], task: Task) -> States:
        """Return mean states of the pictures and of their prompts."""
        ...

    def masses(self, samples: Sequence[Sample], task: Task) -> Masses:
        """Return how much the two modalities attend to each other."""
        ...

    def choices(self, samples: Sequence[Sample], task: Task) -> Choices:
        """Return which experts the tokens chose."""
        ...

    def gradients(self, task: Task, batch: int) -> Mapping[str, Gradient]:
        """Return the gradients of training batch number `batch`, by the matrix's own name."""
        ...
