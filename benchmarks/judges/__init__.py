"""What a benchmark knows of a judge. One object may be all three; a public judge is usually one of
them.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np


class Judge(Protocol):
    """Any judge says who it is: in full for the protocol, in short for the names of the metrics."""

    @property
    def protocol(self) -> Mapping[str, object]:
        """Name, revision and thresholds, as they go into the result."""
        ...

    @property
    def label(self) -> str:
        """What stands after the "@" of a metric's name."""
        ...


class ObjectJudge(Judge, Protocol):
    """Finds objects, for GenEval."""

    def detect(
        self, images: Sequence[np.ndarray], prompts: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, dict[str, list]]]:
        """Return {class: {"boxes": [[x0, y0, x1, y1, score]], "colors": [...]}} for each image and
        its prompt (a record of the official metadata). A colour may be None where none is asked.
        """
        ...


class QuestionJudge(Judge, Protocol):
    """Answers questions about an image, for DPG."""

    def answer(
        self, images: Sequence[np.ndarray], questions: Sequence[Sequence[Mapping[str, Any]]]
    ) -> list[list[str]]:
        """Return "yes" or "no" for each image and each of its questions (rows of the CSV)."""
        ...


class KnowledgeJudge(Judge, Protocol):
    """Says whether an image shows what its prompt alludes to, for WISE by the binary protocol."""

    def drawn(
        self, images: Sequence[np.ndarray], prompts: Sequence[Mapping[str, Any]]
    ) -> list[int]:
        """Return 1 or 0 for each image and its prompt (a record of the official JSON)."""
        ...


class FeatureJudge(Judge, Protocol):
    """Turns images into feature vectors, for MJHQ."""

    def features(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Return float [b, d]."""
        ...
