"""Objects with boxes and masks by transformers' Mask2Former, read off its raw logits.

As GenEval's detector (mmdet) does: the 100 best of query x class, a mask where its logit is above
0, the tight box of the mask, and as score the class probability times the mean mask probability
inside the mask. transformers' own post-processing gives no boxes and makes masks at 384 x 384.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import interpolate
from transformers import AutoImageProcessor, Mask2FormerForUniversalSegmentation

from benchmarks.geneval.prompts import COCO_NAMES
from benchmarks.images import batched
from benchmarks.judges.checkpoints import chosen_device, load_model, load_part, revision, short_name

BEST = 100
"""Detections kept of query x class."""
REPORTED = 0.05
"""Score below which a detection is not reported; the benchmark's thresholds are far above."""
SIDES = (800, 1333)
"""Shorter and longest side of the image as it is seen, where the checkpoint does not say."""
DIVISOR = 32
"""The padded sides are multiples of this."""
MASKS_AT_ONCE = 10
"""Masks brought to the image's size together, which bounds the memory."""


@dataclass(frozen=True)
class Instance:
    """One detection: box [x0, y0, x1, y1] in pixels, x1 and y1 one past the mask; mask bool [h, w]
    of the image's size.
    """

    name: str
    box: tuple[int, int, int, int]
    score: float
    mask: np.ndarray


@dataclass(frozen=True)
class Sizes:
    """Height and width of an image, as it was scaled, and as it was padded."""

    image: tuple[int, int]
    scaled: tuple[int, int]
    padded: tuple[int, int]


class Mask2FormerDetector:
    """Detects with the checkpoint of a folder or hub id; OSError if it cannot be loaded."""

    def __init__(self, name: str, device: str | None = None) -> None:
        self.device = chosen_device(device)
        kind = Mask2FormerForUniversalSegmentation
        self.model = load_model(kind, name, self.device, torch.float32)
        processor = load_part(AutoImageProcessor.from_pretrained, name)
        size = dict(processor.size or {})
        self.sides = (
            size.get("shortest_edge") or SIDES[0],
            size.get("longest_edge") or SIDES[1],
        )
        self.mean = torch.tensor(processor.image_mean).view(3, 1, 1)
        self.spread = torch.tensor(processor.image_std).view(3, 1, 1)
        labels: dict[int, str] = self.model.config.id2label
        self.classes = [COCO_NAMES.get(labels[i], labels[i]) for i in range(len(labels))]
        self.label = short_name(name)
        self.protocol = {
            "detector": self.label,
            "revision": revision(name, self.model.config),
            "sides": list(self.sides),
            "reported": REPORTED,
        }

    @torch.inference_mode()
    def detect(self, image: np.ndarray) -> list[Instance]:
        """Return what is reported of an image, uint8 [h, w, 3], best first."""
        pixels, sizes = self._prepare(image)
        found = self.model(pixel_values=pixels[None].to(self.device))
        classes = found.class_queries_logits[0].float().softmax(-1)[:, :-1]
        return list(instances(classes, found.masks_queries_logits[0].float(), sizes, self.classes))

    def _prepare(self, image: np.ndarray) -> tuple[torch.Tensor, Sizes]:
        """Return the image scaled, normalised and padded, [3, h, w]."""
        height, width = image.shape[:2]
        shorter, longest = self.sides
        scale = min(longest / max(height, width), shorter / min(height, width))
        scaled = int(height * scale + 0.5), int(width * scale + 0.5)
        pixels = torch.from_numpy(np.array(image)).permute(2, 0, 1).float()
        pixels = interpolate(pixels[None], scaled, mode="bilinear", align_corners=False)[0]
        pixels = (pixels.round() / 255 - self.mean) / self.spread
        right, below = -scaled[1] % DIVISOR, -scaled[0] % DIVISOR
        padded = scaled[0] + below, scaled[1] + right
        pixels = torch.nn.functional.pad(pixels, (0, right, 0, below))
        return pixels, Sizes((height, width), scaled, padded)


def instances(
    classes: torch.Tensor, masks: torch.Tensor, sizes: Sizes, names: list[str]
) -> Iterator[Instance]:
    """Yield detections from class probabilities [query, class] and mask logits [query, h, w], best
    first, without those below REPORTED.
    """
    shares, places = classes.flatten().topk(min(BEST, classes.numel()))
    queries = (places // classes.shape[1]).tolist()
    looked_at = {}
    for chunk in batched(dict.fromkeys(queries), MASKS_AT_ONCE):
        looked_at.update(zip(chunk, _full_masks(masks[chunk], sizes), strict=True))
    found = []
    for share, place, query in zip(shares.tolist(), places.tolist(), queries, strict=True):
        certainty, mask = looked_at[query]
        score = float(np.float32(share) * np.float32(certainty))
        if score >= REPORTED:
            found.append(Instance(names[place % len(names)], tight_box(mask), score, mask))
    yield from sorted(found, key=lambda one: -one.score)


def _full_masks(logits: torch.Tensor, sizes: Sizes) -> list[tuple[float, np.ndarray]]:
    """Return the mean probability inside each mask of [mask, h, w] logits, and the mask at the
    image's size.
    """
    logits = interpolate(logits[None], sizes.padded, mode="bilinear", align_corners=False)
    logits = logits[:, :, : sizes.scaled[0], : sizes.scaled[1]]
    logits = interpolate(logits, sizes.image, mode="bilinear", align_corners=False)[0]
    inside = logits > 0
    certainty = (logits.sigmoid() * inside).sum((1, 2)) / (inside.sum((1, 2)) + 1e-6)
    return list(zip(certainty.tolist(), inside.cpu().numpy(), strict=True))


def tight_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """Return x0, y0, x1, y1 around a mask, bool [h, w], x1 and y1 excluded; zeros if empty."""
    columns, rows = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    if not len(columns):
        return 0, 0, 0, 0
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
