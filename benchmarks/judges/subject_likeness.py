"""What tells whether two pictures show one thing, and whether one shows a text: DINO and CLIP."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from benchmarks.judges.clip import Clip
from benchmarks.judges.dino import Dino


class SubjectLikeness:
    """The judge of DreamBench, of two checkpoints, each a folder or hub id."""

    def __init__(self, dino: str, clip: str, device: str | None = None) -> None:
        self.dino, self.clip = Dino(dino, device), Clip(clip, device)
        self.label = f"{self.dino.label}+{self.clip.label}"
        self.protocol = {"judge": self.label, **self.dino.protocol, **self.clip.protocol}

    def see(self, images: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        """Return unit vectors [n, d], by `dino` and `clip`, of images uint8 [h, w, 3]."""
        pictures = [Image.fromarray(image) for image in images]
        seen = {"dino": self.dino.see(pictures), "clip": self.clip.see(pictures)}
        return {name: vectors.float().cpu().numpy() for name, vectors in seen.items()}

    def read(self, texts: Sequence[str]) -> np.ndarray:
        """Return CLIP's unit vectors [n, d] of texts."""
        return self.clip.read(texts).float().cpu().numpy()
