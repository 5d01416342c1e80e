"""Captions, and pictures where a model sees them, as unit vectors.

A checkpoint of CLIP's form (CLIP, SigLIP: two towers in one space) embeds both. Any other text
encoder is read as sentence-transformers models are, by the mean over its tokens, and embeds
captions alone; then a picture stands for its caption.
"""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import AutoModel, AutoProcessor, AutoTokenizer

from datamodules.whole_models import whole_model

AT_ONCE = 64
UNREAD = "pooler."
"""What is behind the states of a text encoder's tokens; a checkpoint need not hold it."""


class PageEncoder:
    """The checkpoint of a folder or hub id. OSError where there is none, ValueError where it lacks
    tensors."""

    def __init__(self, name: str, device: str | None = None) -> None:
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        model = whole_model(AutoModel, name, UNREAD)
        self.model = model.eval().requires_grad_(False).to(self.device)
        self.sees = hasattr(model, "get_image_features")
        self.words = AutoTokenizer.from_pretrained(name)
        self.eyes = AutoProcessor.from_pretrained(name).image_processor if self.sees else None

    def captions(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors float32 [n, d]."""
        parts = [texts[first : first + AT_ONCE] for first in range(0, len(texts), AT_ONCE)]
        return np.concatenate([self._captions(part) for part in parts])

    def pictures(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Unit vectors float32 [n, d] of images uint8 [h, w, 3]."""
        assert self.eyes is not None
        batch = self.eyes([Image.fromarray(one) for one in images], return_tensors="pt")
        with torch.inference_mode():
            return unit(self.model.get_image_features(**batch.to(self.device)).pooler_output)

    @torch.inference_mode()
    def _captions(self, texts: Sequence[str]) -> np.ndarray:
        batch = self.words(list(texts), padding=True, truncation=True, return_tensors="pt")
        batch = batch.to(self.device)
        if self.sees:
            return unit(self.model.get_text_features(**batch).pooler_output)
        states = self.model(**batch).last_hidden_state
        kept = batch["attention_mask"][..., None]
        return unit((states * kept).sum(1) / kept.sum(1))


def unit(vectors: Tensor) -> np.ndarray:
    return torch.nn.functional.normalize(vectors.float(), dim=-1).cpu().numpy()
