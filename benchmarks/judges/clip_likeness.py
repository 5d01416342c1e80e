"""How like an image is to texts: cosines of CLIP's vectors."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from PIL import Image
from torch import Tensor

from benchmarks.judges.clip import Clip


class ClipLikeness:
    """A CLIP of a folder or hub id as the judge of Commonsense-T2I."""

    def __init__(self, name: str, device: str | None = None) -> None:
        self.clip = Clip(name, device)
        self.label, self.protocol = self.clip.label, self.clip.protocol
        self._read = cache(self._read_once)

    def likeness(self, images: Sequence[np.ndarray], texts: Sequence[str]) -> list[list[float]]:
        """Return the cosine of each image, uint8 [h, w, 3], with each text."""
        seen = self.clip.see([Image.fromarray(image) for image in images])
        return (seen @ self._read(tuple(texts)).T).tolist()

    def _read_once(self, texts: tuple[str, ...]) -> Tensor:
        return self.clip.read(texts)
