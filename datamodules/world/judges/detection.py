"""What a judge says about an image: objects with class, box, score and colour.

A judge sees pixels alone. It returns everything above `REPORTED_SCORE`, so that the scorer, not
the judge, chooses where to cut. Scores are posterior probabilities (learnt judge) or a logistic
curve of the match (template judge); either way an object that is there scores far above GenEval's
official thresholds, 0.3 and for counting 0.9, and a scorer may keep them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

Box = tuple[float, float, float, float]

REPORTED_SCORE = 0.3
"""A judge reports what scores above this: GenEval's threshold, below which no scorer looks."""


@dataclass(frozen=True)
class Detection:
    """One object: its class, box in pixels, score in [0, 1], and colour (None: natural colours).

    A box is (left, top, right, bottom), half open, and may leave the image.
    """

    name: str
    box: Box
    score: float
    colour: str | None


class Judge(Protocol):
    """Finds the objects of images that it did not draw."""

    name: str

    def detect(self, images: np.ndarray) -> list[list[Detection]]:
        """Return the detections of each image (uint8 [b, h, w, 3]), highest score first."""
        ...


def check_images(images: np.ndarray, pixels: int) -> None:
    """Raise ValueError unless `images` is uint8 [b, pixels, pixels, 3]."""
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != (pixels, pixels, 3):
        got = f"{images.dtype} {list(images.shape)}"
        raise ValueError(f"images must be uint8 [b, {pixels}, {pixels}, 3], got {got}.")


def overlap(boxes_a: np.ndarray, boxes_b: np.ndarray) -> np.ndarray:
    """Return intersection over union of boxes [..., 4] with boxes [..., 4], broadcast."""
    low = np.maximum(boxes_a[..., :2], boxes_b[..., :2])
    high = np.minimum(boxes_a[..., 2:], boxes_b[..., 2:])
    shared = np.clip(high - low, 0, None).prod(-1)
    areas = [
        np.clip(boxes[..., 2:] - boxes[..., :2], 0, None).prod(-1) for boxes in (boxes_a, boxes_b)
    ]
    return shared / np.maximum(areas[0] + areas[1] - shared, 1e-9)


def suppress(detections: Sequence[Detection], most_overlap: float) -> list[Detection]:
    """Keep the best of detections that overlap by more than `most_overlap`, best first."""
    kept: list[Detection] = []
    for detection in sorted(detections, key=lambda found: -found.score):
        box = np.array(detection.box)
        if all(overlap(box, np.array(other.box)) <= most_overlap for other in kept):
            kept.append(detection)
    return kept


def geneval_detections(detections: Sequence[Detection]) -> dict[str, dict[str, list]]:
    """Return GenEval's record form {"<class>": {"boxes": [[x0, y0, x1, y1, score]], "colors": []}}.

    Natural colours are called "natural".
    """
    record: dict[str, dict[str, list]] = {}
    for found in detections:
        entry = record.setdefault(found.name, {"boxes": [], "colors": []})
        entry["boxes"].append([round(value, 3) for value in (*found.box, found.score)])
        entry["colors"].append(found.colour or "natural")
    return record
