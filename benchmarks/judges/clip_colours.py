"""The colour of an object by zero-shot CLIP, with GenEval's templates, background and crop."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image

from benchmarks.geneval.prompts import COLOURS
from benchmarks.judges.clip import Clip, unit
from benchmarks.judges.mask2former import tight_box

TEMPLATES = (
    "a photo of a {colour} {name}",
    "a photo of a {colour}-colored {name}",
    "a photo of a {colour} object",
)
BACKGROUND = "#999"


class ClipColours(Clip):
    """Names colours with the CLIP of a folder or hub id; OSError if it cannot be loaded."""

    def __init__(self, name: str, device: str | None = None) -> None:
        super().__init__(name, device, half=True)
        self.classifiers: dict[str, torch.Tensor] = {}
        self.protocol = {**self.protocol, "background": BACKGROUND}

    def colours(self, image: np.ndarray, masks: Sequence[np.ndarray], name: str) -> list[str]:
        """Return the colour of each object of class `name`, given the image uint8 [h, w, 3] and the
        objects' masks bool [h, w].
        """
        if not masks:
            return []
        seen = self.see([cut_out(image, mask) for mask in masks])
        with torch.autocast(self.device.type, torch.float16, self.half):
            likeness = seen @ self._classifier(name).T
        return [COLOURS[best] for best in likeness.argmax(1).tolist()]

    def _classifier(self, name: str) -> torch.Tensor:
        """Return one unit vector a colour, [colours, d]: the mean over the templates."""
        if name not in self.classifiers:
            texts = [t.format(colour=colour, name=name) for colour in COLOURS for t in TEMPLATES]
            means = self.read(texts).unflatten(0, (len(COLOURS), len(TEMPLATES))).mean(1)
            self.classifiers[name] = unit(means)
        return self.classifiers[name]


def cut_out(image: np.ndarray, mask: np.ndarray) -> Image.Image:
    """Return the object of a mask on grey, cropped to the mask's box."""
    picture = Image.fromarray(image)
    blank = Image.new("RGB", picture.size, BACKGROUND)
    return Image.composite(picture, blank, Image.fromarray(mask)).crop(tight_box(mask))
