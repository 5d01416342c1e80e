"""All that a benchmark knows of a model: it draws a text, or it answers one about images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np


@dataclass(frozen=True)
class Request:
    """One thing asked of a model: a prompt to draw, or a question about `images` (uint8 [h, w, 3]
    each).
    """

    text: str
    images: tuple[np.ndarray, ...] = ()
    seed: int = 0


class Model(Protocol):
    """A model under test. What it returns for a request must not depend on the other requests."""

    @property
    def protocol(self) -> Mapping[str, object]:
        """Sampling settings as they go into the result: guidance, temperature, checkpoint."""
        ...

    def generate(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """Return one image, uint8 [h, w, 3], for each request."""
        ...

    def answer(self, requests: Sequence[Request]) -> list[str]:
        """Return one answer for each request."""
        ...
