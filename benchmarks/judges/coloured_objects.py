"""GenEval's judge: a detector, and a classifier for the colours that a prompt asks about."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.geneval_rules import THRESHOLD
from benchmarks.judges.clip_colours import ClipColours
from benchmarks.judges.mask2former import Instance, Mask2FormerDetector


class ColouredObjects:
    """An `ObjectJudge` of two checkpoints, each a folder or hub id."""

    def __init__(self, detector: str, clip: str, device: str | None = None) -> None:
        self.detector = Mask2FormerDetector(detector, device)
        self.colours = ClipColours(clip, device)
        self.label = f"{self.detector.label}+{self.colours.label}"
        self.protocol = {
            "judge": self.label,
            **self.detector.protocol,
            **self.colours.protocol,
        }

    def detect(
        self, images: Sequence[np.ndarray], prompts: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, dict[str, list]]]:
        """Return each image's detections by class, best first; colours of those above the threshold
        where the prompt asks for one.
        """
        return [self._detect(image, prompt) for image, prompt in zip(images, prompts, strict=True)]

    def _detect(self, image: np.ndarray, prompt: Mapping[str, Any]) -> dict[str, dict[str, list]]:
        asked = {clause["class"] for clause in prompt["include"] if "color" in clause}
        found: dict[str, list[Instance]] = {}
        for one in self.detector.detect(image):
            found.setdefault(one.name, []).append(one)
        return {
            name: {
                "boxes": [[*one.box, one.score] for one in group],
                "colors": self._colours(image, group, name in asked),
            }
            for name, group in found.items()
        }

    def _colours(
        self, image: np.ndarray, group: Sequence[Instance], asked: bool
    ) -> list[str | None]:
        """Return a colour for each of a class's detections that can count, None for the others."""
        counting = sum(bool(np.float32(one.score) > THRESHOLD) for one in group)
        seen = group[:counting] if asked else []
        named = self.colours.colours(image, [one.mask for one in seen], group[0].name)
        return [*named, *[None] * (len(group) - len(seen))]
