"""An exported arm whose training prompts held pictures: it draws from pictures too.

In training `<image>` stands in a text where a picture does; a request that does not say where has
its pictures before its text.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image, ImageOps

from benchmarks.protocol import Request
from experiments.conditioned.model import ImagePromptedModel
from models.image_prompts import IMAGE


class PictureArm(ImagePromptedModel):
    """`ImagePromptedModel` for pictures of any size."""

    draws_from_images = True

    def generate(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """uint8 images `[h w 3]`; each depends on its request alone."""
        side = self.tokenizer.config.pixels
        return super().generate([prepared(one, side) for one in requests])


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
