"""The official evaluator's rules, its float32 comparisons included: is one image correct?

`detections` come from any judge: {class: {"boxes": [[x0, y0, x1, y1, score]], "colors": [...]}};
colours may be lacking where no clause asks for one.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.relations import relative_position

THRESHOLD = np.float32(0.3)
COUNTING_THRESHOLD = np.float32(0.9)
MAX_OBJECTS = 16

Record = Mapping[str, Any]
Detections = Mapping[str, Mapping[str, Sequence[Any]]]
Found = list[tuple[np.ndarray, str | None]]
"""Detections of one class, best first: box with score, float32 [5], and colour if it is known."""


def judge_image(metadata: Record, detections: Detections) -> tuple[bool, str]:
    """Return whether every clause of `metadata` holds, and which do not."""
    threshold = COUNTING_THRESHOLD if metadata["tag"] == "counting" else THRESHOLD
    groups: list[Found | None] = []
    faults: list[str] = []
    for clause in metadata["include"]:
        found = best(detections.get(clause["class"]), threshold)[: clause["count"]]
        fault = include_fault(clause, found, groups)
        groups.append(None if fault else found)
        faults += [fault] if fault else []
    for clause in metadata.get("exclude", ()):
        number = len(best(detections.get(clause["class"]), threshold))
        if number >= clause["count"]:
            faults.append(f"expected {clause['class']}<{clause['count']}, found {number}")
    return not faults, "; ".join(faults)


def uncoloured(metadata: Record, detections: Detections) -> str | None:
    """Return a class whose colour decides a clause, and whose detections carry no colours."""
    for clause in metadata["include"]:
        detected = detections.get(clause["class"], {})
        decides = "color" in clause and len(best(detected, THRESHOLD)) >= clause["count"]
        if decides and not detected.get("colors"):
            return clause["class"]
    return None


def best(detected: Mapping[str, Sequence[Any]] | None, threshold: np.float32) -> Found:
    """Return the detections of one class above `threshold`, at most MAX_OBJECTS, best first and the
    later one at a tie.

    So does the official code's numpy (1.23) among up to 16; later numpy leaves ties to chance.
    """
    if not detected or not detected["boxes"]:
        return []
    boxes = np.asarray(detected["boxes"], dtype=np.float32)
    order = np.argsort(boxes[:, 4], kind="stable")[::-1]
    order = order[boxes[order, 4] > threshold][:MAX_OBJECTS]
    colours = detected.get("colors") or [None] * len(boxes)
    return [(boxes[index], colours[index]) for index in order]


def include_fault(clause: Record, found: Found, groups: Sequence[Found | None]) -> str | None:
    """Return what is wrong with the best `count` detections of a clause, given those of the clauses
    before.
    """
    wanted = clause["class"]
    if len(found) < clause["count"]:
        return f"expected {wanted}>={clause['count']}, found {len(found)}"
    if "color" in clause:
        colours = [colour for _, colour in found]
        if any(colour != clause["color"] for colour in colours):
            return f"expected {clause['color']} {wanted}, found {', '.join(map(str, colours))}"
    if "position" in clause:
        relation, target = clause["position"]
        targets = groups[target]
        if targets is None:
            return f"no target for {wanted} to be {relation}"
        pairs = [(box, other) for box, _ in found for other, _ in targets]
        if any(relation not in relative_position(box, other) for box, other in pairs):
            return f"expected {wanted} {relation} target"
    return None
