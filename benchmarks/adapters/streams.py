"""Images of one generator, one after the other, as GenEval's official seeds have it.

The images of a prompt follow each other in one stream of random numbers; those of several prompts
are drawn together, each from its own. An image with a seed of its own is a stream of one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from benchmarks.images import batched
from benchmarks.protocol import Request

Drawer = Callable[[Sequence[Request], Sequence[torch.Generator]], list[np.ndarray]]
"""Requests and as many generators, each used for its own image alone, to images."""


@dataclass
class Stream:
    """A request and its generator, and which of its images are wanted where."""

    request: Request
    generator: torch.Generator
    places: dict[int, int] = field(default_factory=dict)


def draw_streams(requests: Sequence[Request], draw: Drawer, at_once: int) -> list[np.ndarray]:
    """Return the image of each request, up to `at_once` drawn together.

    The generators are on the CPU, whatever the device: noise depends on the seed alone. Where only
    later images of a stream are wanted, the earlier ones are drawn and let go.
    """
    images: dict[int, np.ndarray] = {}
    for streams in batched(_streams(requests), at_once):
        for turn in range(1 + max(max(stream.places) for stream in streams)):
            active = [stream for stream in streams if turn <= max(stream.places)]
            drawn = draw([one.request for one in active], [one.generator for one in active])
            for stream, image in zip(active, drawn, strict=True):
                if turn in stream.places:
                    images[stream.places[turn]] = image
    return [images[place] for place in range(len(requests))]


def _streams(requests: Sequence[Request]) -> list[Stream]:
    """Return the streams of requests; one that is not the next of the stream before begins its
    own.
    """
    streams: list[Stream] = []
    before: Request | None = None
    for place, request in enumerate(requests):
        if before is None or request != replace(before, draw=before.draw + 1):
            generator = torch.Generator().manual_seed(request.seed)
            streams.append(Stream(request, generator))
        streams[-1].places[request.draw] = place
        before = request
    return streams
