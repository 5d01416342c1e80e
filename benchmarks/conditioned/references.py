"""What brackets the scores of conditioned drawing: the truth, a blind model, and a copy.

A model that repeats the last of the prompt's images draws well and does not listen: of an edit it
gets `kept` and never `changed`.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from benchmarks.conditioned.prompts import IMAGES, read_prompts, target_name
from benchmarks.images import read_image
from benchmarks.protocol import Request
from datamodules.world import World

Reconstruct = Callable[[np.ndarray], np.ndarray]
"""The round trip of uint8 images [b, h, w, 3] through an image tokenizer."""


class Reference:
    """A model that gives each request the image that `image_of` names, through a tokenizer."""

    def __init__(
        self, name: str, image_of: Callable[[Request], np.ndarray], reconstruct: Reconstruct
    ) -> None:
        self.image_of, self.reconstruct = image_of, reconstruct
        self.protocol: Mapping[str, object] = {"reference": name}

    def generate(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """Return one image a request."""
        return list(self.reconstruct(np.stack([self.image_of(one) for one in requests])))

    def answer(self, requests: Sequence[Request]) -> list[str]:
        """Raise ValueError: this reference only draws."""
        raise ValueError(f"a reference that draws must not be asked, got {requests[0].text!r}.")


def references(
    world: World, prompts_path: Path, reconstruct: Reconstruct = lambda images: images
) -> dict[str, Reference]:
    """Return the references of a prompts file by the row that they fill.

    A request's seed is its prompt's running number, as `generate` has it.
    """
    names = [target_name(name) for name in read_prompts(prompts_path)]
    folder = prompts_path.parent / IMAGES
    image_of: dict[str, Callable[[Request], np.ndarray]] = {
        "ceiling": lambda request: read_image(folder / names[request.seed]),
        "copy": lambda request: request.images[-1],
        "floor": lambda request: world.render(world.scene("train", request.seed)),
    }
    return {name: Reference(name, draw, reconstruct) for name, draw in image_of.items()}
