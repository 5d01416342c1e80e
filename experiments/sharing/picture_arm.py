"""An exported arm whose training prompts held pictures: it draws from pictures too.

In training `<image>` stands in a text where a picture does; a request that does not say where has
its pictures before its text.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from benchmarks.protocol import Request
from experiments.conditioned.model import MORE_WORDS, MOST_IMAGES, ImagePromptedModel
from experiments.sharing.exported import ExportedModel
from models.image_prompts import IMAGE


class PictureArm(ExportedModel, ImagePromptedModel):
    """`ExportedModel` that draws as `ImagePromptedModel` does, pictures of any size."""

    draws_from_images = True

    def __init__(self, folder: Path) -> None:
        ExportedModel.__init__(self, folder)
        pictures = MOST_IMAGES * (self.tokenizer.config.tokens_per_image + 2)
        room = MORE_WORDS * self.sampling.prompt_length + pictures
        self.sampling = replace(self.sampling, prompt_length=room)

    def generate(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """uint8 images `[h w 3]`; each depends on its request alone."""
        side = self.tokenizer.config.pixels
        return ImagePromptedModel.generate(self, [prepared(one, side) for one in requests])


def prepared(request: Request, side: int) -> Request:
    """The request with its pictures' middle squares of `side` pixels, each said in the text."""
    images = tuple(fitted(image, side) for image in request.images)
    text = (
        request.text if IMAGE in request.text else " ".join([*[IMAGE] * len(images), request.text])
    )
    return replace(request, text=text, images=images)


def fitted(image: np.ndarray, side: int) -> np.ndarray:
    """The middle square of a uint8 image `[h w 3]`, scaled; one of that size as it is."""
    return np.asarray(ImageOps.fit(Image.fromarray(image), (side, side)))
