"""The colour of an object by zero-shot CLIP, with GenEval's templates, background and crop."""

from collections.abc import Sequence

import numpy as np
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoTokenizer, CLIPModel

from benchmarks.geneval.prompts import COLOURS
from benchmarks.judges.checkpoints import chosen_device, load_model, load_part, revision, short_name
from benchmarks.judges.mask2former import tight_box

TEMPLATES = (
    "a photo of a {colour} {name}",
    "a photo of a {colour}-colored {name}",
    "a photo of a {colour} object",
)
BACKGROUND = "#999"
Box = tuple[int, int, int, int]


class ClipColours:
    """Names colours with the CLIP of a folder or hub id; OSError if it cannot be loaded."""

    def __init__(self, name: str, device: str | None = None) -> None:
        self.device = chosen_device(device)
        self.model = load_model(CLIPModel, name, self.device, torch.float32)
        self.tokenizer = load_part(AutoTokenizer.from_pretrained, name)
        processor = load_part(AutoImageProcessor.from_pretrained, name)
        self.side = self.model.config.vision_config.image_size
        self.mean = np.array(processor.image_mean, np.float32)
        self.spread = np.array(processor.image_std, np.float32)
        self.classifiers: dict[str, torch.Tensor] = {}
        self.label = short_name(name)
        self.protocol = {
            "clip": self.label,
            "clip_revision": revision(name, self.model.config),
            "background": BACKGROUND,
            "clip_precision": "float16" if self.device.type == "cuda" else "float32",
        }

    @torch.inference_mode()
    def colours(self, image: np.ndarray, masks: Sequence[np.ndarray], name: str) -> list[str]:
        """Return the colour of each object of class `name`, given the image uint8 [h, w, 3] and the
        objects' masks bool [h, w].
        """
        if not masks:
            return []
        pixels = np.stack([self._prepare(cut_out(image, mask)) for mask in masks])
        with torch.autocast(self.device.type, torch.float16, self.device.type == "cuda"):
            batch = torch.from_numpy(pixels).to(self.device)
            seen = self.model.get_image_features(pixel_values=batch).pooler_output
            likeness = _unit(seen) @ self._classifier(name).T
        return [COLOURS[best] for best in likeness.argmax(1).tolist()]

    def _classifier(self, name: str) -> torch.Tensor:
        """Return one unit vector a colour, [colours, d]: the mean over the templates."""
        if name not in self.classifiers:
            texts = [t.format(colour=colour, name=name) for colour in COLOURS for t in TEMPLATES]
            tokens = self.tokenizer(texts, padding=True, return_tensors="pt").to(self.device)
            told = _unit(self.model.get_text_features(**tokens).pooler_output)
            means = told.unflatten(0, (len(COLOURS), len(TEMPLATES))).mean(1)
            self.classifiers[name] = _unit(means)
        return self.classifiers[name]

    def _prepare(self, image: Image.Image) -> np.ndarray:
        """Return the middle square, float32 [3, side, side], after scaling the shorter side.

        In Pillow's own bicubic, which the official transform uses.
        """
        side, shorter = self.side, min(image.size)
        size = [side if edge == shorter else int(side * edge / shorter) for edge in image.size]
        scaled = image.resize((size[0], size[1]), Image.Resampling.BICUBIC)
        left, top = round((size[0] - side) / 2), round((size[1] - side) / 2)
        square = np.asarray(scaled.crop((left, top, left + side, top + side)), np.float32) / 255
        return ((square - self.mean) / self.spread).transpose(2, 0, 1)


def cut_out(image: np.ndarray, mask: np.ndarray) -> Image.Image:
    """Return the object of a mask on grey, cropped to the mask's box."""
    picture = Image.fromarray(image)
    blank = Image.new("RGB", picture.size, BACKGROUND)
    return Image.composite(picture, blank, Image.fromarray(mask)).crop(tight_box(mask))


def _unit(vectors: torch.Tensor) -> torch.Tensor:
    return vectors / vectors.norm(dim=-1, keepdim=True)
