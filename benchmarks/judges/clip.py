"""CLIP (Radford et al. 2021, arXiv 2103.00020) by transformers: images and texts in one space."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from transformers import AutoImageProcessor, AutoTokenizer, CLIPModel

from benchmarks.images import batched
from benchmarks.judges.checkpoints import chosen_device, load_model, load_part, revision, short_name
from benchmarks.judges.squares import middle_square

CHUNK = 32


class Clip:
    """The CLIP of a folder or hub id; OSError if it cannot be loaded.

    In float32, or in float16 on a GPU where `half` says so.
    """

    def __init__(self, name: str, device: str | None = None, half: bool = False) -> None:
        self.device = chosen_device(device)
        self.half = half and self.device.type == "cuda"
        self.model = load_model(CLIPModel, name, self.device, torch.float32)
        self.tokenizer = load_part(AutoTokenizer.from_pretrained, name)
        processor = load_part(AutoImageProcessor.from_pretrained, name)
        self.side = self.model.config.vision_config.image_size
        self.longest = self.model.config.text_config.max_position_embeddings
        self.mean = np.array(processor.image_mean, np.float32)
        self.spread = np.array(processor.image_std, np.float32)
        self.label = short_name(name)
        self.protocol = {
            "clip": self.label,
            "clip_revision": revision(name, self.model.config),
            "clip_precision": "float16" if self.half else "float32",
        }

    def prepare(self, image: Image.Image) -> np.ndarray:
        """Return the middle square, float32 [3, side, side], as the network takes it."""
        square = middle_square(image, self.side, self.side)
        return (square - self.mean[:, None, None]) / self.spread[:, None, None]

    @torch.inference_mode()
    def see(self, images: Sequence[Image.Image]) -> Tensor:
        """Return one unit vector an image, [n, d], on the model's device."""
        rows = []
        for chunk in batched(images, CHUNK):
            pixels = torch.from_numpy(np.stack([self.prepare(image) for image in chunk]))
            with torch.autocast(self.device.type, torch.float16, self.half):
                seen = self.model.get_image_features(pixel_values=pixels.to(self.device))
                rows.append(unit(seen.pooler_output))
        return torch.cat(rows)

    @torch.inference_mode()
    def read(self, texts: Sequence[str]) -> Tensor:
        """Return one unit vector a text, [n, d], on the model's device.

        ValueError for a text of more tokens than CLIP can read, which is not cut.
        """
        tokens = self.tokenizer(list(texts), padding=True, return_tensors="pt").to(self.device)
        lengths = tokens["attention_mask"].sum(1).tolist()
        for text, length in zip(texts, lengths, strict=True):
            if length > self.longest:
                raise ValueError(
                    f"a text must have at most {self.longest} tokens for {self.label}, "
                    f"got {length} in {text!r}."
                )
        with torch.autocast(self.device.type, torch.float16, self.half):
            return unit(self.model.get_text_features(**tokens).pooler_output)


def unit(vectors: Tensor) -> Tensor:
    """Return vectors [n, d] at length 1."""
    return vectors / vectors.norm(dim=-1, keepdim=True)
