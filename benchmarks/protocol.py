"""All that a benchmark knows of a model: it draws a text, or it answers one about images.

And of a protocol, the record of how a number came about: what two of them differ in.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True)
class Request:
    """One thing asked of a model: a prompt to draw, or a question about `images` (uint8 [h, w, 3]
    each).

    `seed` and `draw` name the randomness: the generator is seeded with `seed` once, and the image
    is the one numbered `draw` of those drawn from it one after the other. With `draw` 0, the usual
    case, each image has a generator of its own.
    """

    text: str
    images: tuple[np.ndarray, ...] = ()
    seed: int = 0
    draw: int = 0


class UnansweredError(OSError):
    """A model that left requests without an answer.

    `replies` has one entry a request, None where there is none; `refused` says that each of those
    would be met with the same again, so that the model can be asked on.
    """

    def __init__(self, message: str, replies: Sequence[str | None], refused: bool) -> None:
        super().__init__(message)
        self.replies = replies
        self.refused = refused


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
        """Return one answer for each request; UnansweredError if there is none for some."""
        ...


def continues_streams(model: Model) -> bool:
    """Return whether a model honours `Request.draw`; one that does says `continues_streams`."""
    return bool(getattr(model, "continues_streams", False))


def first_difference(first: Any, second: Any, ignored: Collection[str] = ()) -> str | None:
    """Return the first place where two protocols differ, as "judge.threshold: 0.3 against 0.5".

    Top-level keys in `ignored` may differ. None if nothing else does.
    """
    return _difference(
        {key: value for key, value in first.items() if key not in ignored},
        {key: value for key, value in second.items() if key not in ignored},
        "",
    )


def _difference(first: Any, second: Any, place: str) -> str | None:
    if not (isinstance(first, Mapping) and isinstance(second, Mapping)):
        return None if first == second else f"{place}: {first!r} against {second!r}"
    for key in dict.fromkeys([*first, *second]):
        inner = f"{place}.{key}" if place else str(key)
        if key not in first or key not in second:
            values = [side.get(key, "nothing") for side in (first, second)]
            return f"{inner}: {values[0]!r} against {values[1]!r}"
        if found := _difference(first[key], second[key], inner):
            return found
    return None
