"""The embedded world's judges as judges of its benchmarks: all three read the same detections."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import product
from typing import Any

import numpy as np

from benchmarks.relations import relative_position
from benchmarks.world_label import world_label
from datamodules.world import PLACES, World
from datamodules.world.judges.detection import (
    REPORTED_SCORE,
    Detection,
    Judge,
    geneval_detections,
)
from datamodules.world.relations import RELATIONS
from datamodules.world.wordings import NUMBERS

TUPLE = re.compile(r"(?P<category>[\w -]+) \((?P<terms>.+)\)")


class WorldJudge:
    """Judges GenEval, DPG and WISE of one world by what a detector finds.

    `opinion` marks the metrics of another judge than the first: world-16x8-32px-template.
    """

    def __init__(self, detector: Judge, world: World, opinion: str = "") -> None:
        self.detector = detector
        self.pixels = world.config.pixels
        self.label = "-".join(filter(None, [world_label(world.config), opinion]))
        self.protocol = {
            "judge": detector.name,
            "threshold": REPORTED_SCORE,
            "world": asdict(world.config),
        }

    def detect(
        self, images: Sequence[np.ndarray], prompts: Sequence[Mapping[str, Any]] = ()
    ) -> list[dict[str, dict[str, list]]]:
        """Return the detections in GenEval's record form, whatever the prompts; ValueError for
        images of another size.
        """
        return [geneval_detections(found) for found in self._found(images)]

    def answer(
        self, images: Sequence[np.ndarray], questions: Sequence[Sequence[Mapping[str, Any]]]
    ) -> list[list[str]]:
        """Return "yes" or "no" to each question, read from its `tuple`."""
        return [
            ["yes" if holds(row["tuple"], found, self.pixels) else "no" for row in rows]
            for found, rows in zip(self._found(images), questions, strict=True)
        ]

    def drawn(
        self, images: Sequence[np.ndarray], prompts: Sequence[Mapping[str, Any]]
    ) -> list[int]:
        """Return whether the `target` of each prompt is among the objects."""
        return [
            int(any(one.name == prompt["target"] for one in found))
            for found, prompt in zip(self._found(images), prompts, strict=True)
        ]

    def _found(self, images: Sequence[np.ndarray]) -> list[list[Detection]]:
        """Return what scores above the threshold, strictly, as in GenEval."""
        side = (self.pixels, self.pixels, 3)
        if other := {image.shape for image in images} - {side}:
            raise ValueError(f"images must be {list(side)}, got {list(min(other))}.")
        return [
            [one for one in found if np.float32(one.score) > np.float32(REPORTED_SCORE)]
            for found in self.detector.detect(np.stack(images))
        ]


def holds(text: str, found: Sequence[Detection], pixels: int) -> bool:
    """Return whether the statement of a DPG tuple, "attribute - color (dog, red)", is true.

    The forms are those of `datamodules.world.dense_prompts`; ValueError for any other.
    """
    match = TUPLE.fullmatch(text)
    terms = match["terms"].split(", ") if match else []
    named = [one for one in found if terms and one.name == terms[0]]
    match (match and match["category"], *terms):
        case "entity - whole", _:
            return bool(named)
        case "other - count", _, number if number in NUMBERS:
            return len(named) == NUMBERS.index(number)
        case "attribute - color", _, colour:
            return bool(named) and all(one.colour == colour for one in named)
        case "relation - spatial", _, place if place in PLACES:
            return len(named) == 1 and place_of(named[0].box, pixels) == place
        case "relation - spatial", _, relation, other if relation in RELATIONS:
            pairs = product(_boxes(named), _boxes([one for one in found if one.name == other]))
            return any(relation in relative_position(box, beside) for box, beside in pairs)
    raise ValueError(f"a question's tuple must be of the world's forms, got {text!r}.")


def _boxes(found: Sequence[Detection]) -> list[np.ndarray]:
    return [np.array(one.box, dtype=np.float32) for one in found]


def place_of(box: Sequence[float], pixels: int) -> str:
    """Return the quarter of the image in which the middle of a box lies."""
    left, top, right, bottom = box
    row = "top" if top + bottom < pixels else "bottom"
    return f"{row} {'left' if left + right < pixels else 'right'}"
