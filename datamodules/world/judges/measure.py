"""How good a judge is where the truth is known, and how far two judges agree where it is not."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from datamodules.world.judges.detection import REPORTED_SCORE, Detection, Judge, overlap
from datamodules.world.scenes import Placed, Scene

LEAST_OVERLAP = 0.5
"""Intersection over union from which a detection is at an object's place."""


def measure(
    judge: Judge, images: np.ndarray, scenes: Sequence[Scene], score: float = REPORTED_SCORE
) -> dict[str, float]:
    """Return the accuracies of `judge` on images of known `scenes`, each in [0, 1].

    An object is *right* with its class, colour and place. `recall` is the part of the objects that
    are right, `precision` the part of the detections above `score` that are, `found` the part of
    the objects with a detection at their place, `class` and `colour` the parts of these that are
    right, `scenes` the part of the scenes with all objects right and nothing else.
    Raises ValueError where images and scenes differ in number, or there is no object at all.
    """
    if len(images) != len(scenes):
        raise ValueError(f"images must be as many as scenes={len(scenes)}, got {len(images)}.")
    if not any(scene.placed for scene in scenes):
        raise ValueError("scenes must show at least one object, got none.")
    count: Counter[str] = Counter()
    for scene, detections in zip(scenes, judge.detect(images), strict=True):
        count.update(compare(scene.placed, [one for one in detections if one.score > score]))
    return {
        "recall": count["right"] / count["objects"],
        "precision": count["right"] / max(count["detections"], 1),
        "found": count["found"] / count["objects"],
        "class": count["class"] / max(count["found"], 1),
        "colour": count["colour"] / max(count["found"], 1),
        "scenes": count["scenes"] / len(scenes),
    }


def compare(placed: Sequence[Placed], detections: Sequence[Detection]) -> Counter[str]:
    """Count objects, detections and what of them is right; each detection serves one object."""
    count = Counter(objects=len(placed), detections=len(detections))
    left = list(detections)
    for one in placed:
        match = max(left, key=lambda found: _overlap(one, found), default=None)
        if match is None or _overlap(one, match) < LEAST_OVERLAP:
            continue
        left.remove(match)
        right_class, right_colour = match.name == one.name, match.colour == one.colour
        count.update({"found": 1, "class": right_class, "colour": right_colour})
        count["right"] += right_class and right_colour
    count["scenes"] = int(count["right"] == len(placed) == len(detections))
    return count


def agreement(
    judge: Judge, other: Judge, images: np.ndarray, score: float = REPORTED_SCORE
) -> float:
    """Return the part of `images` in which both judges see the same objects in the same colours."""
    pairs = zip(judge.detect(images), other.detect(images), strict=True)
    return float(np.mean([_seen(first, score) == _seen(second, score) for first, second in pairs]))


def _seen(detections: Sequence[Detection], score: float) -> Counter[tuple[str, str | None]]:
    return Counter((found.name, found.colour) for found in detections if found.score > score)


def _overlap(one: Placed, found: Detection) -> float:
    return float(overlap(np.array(one.box), np.array(found.box)))
