"""What some models can besides: draw from pictures in their prompt, draw away from a text.

A model says so by an attribute; one that does not is refused by name where a benchmark needs it.
"""

from dataclasses import dataclass

from benchmarks.protocol import Model, Request


@dataclass(frozen=True)
class OpposedRequest(Request):
    """A prompt to draw, and a text that the drawing is to be unlike: its negative prompt."""

    negative: str = ""


def negative_of(request: Request) -> str:
    """Return the text that a drawing is to be unlike; the empty one where nothing is said."""
    return request.negative if isinstance(request, OpposedRequest) else ""


def require_pictures(model: Model, benchmark: str) -> None:
    """ValueError unless the model draws from `Request.images`: it says `draws_from_images`."""
    _require(model, "draws_from_images", "draw from images in its prompt", benchmark)


def require_negatives(model: Model, benchmark: str) -> None:
    """ValueError unless the model draws an `OpposedRequest`: it says `takes_negatives`."""
    _require(model, "takes_negatives", "take negative prompts", benchmark)


def _require(model: Model, attribute: str, ability: str, benchmark: str) -> None:
    if not getattr(model, attribute, False):
        name = model.protocol.get("model", type(model).__name__)
        raise ValueError(f"a model must {ability} for {benchmark}, got {name}, which cannot.")
