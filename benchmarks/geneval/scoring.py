"""GenEval's metrics: image accuracy by tag and their unweighted mean; the official results."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.geneval.layout import Slot, prompt_number, slot_name, slots
from benchmarks.geneval.prompts import TAGS, Record, describe, metadata_line, read_prompts
from benchmarks.geneval_rules import (
    COUNTING_THRESHOLD,
    THRESHOLD,
    best,
    judge_image,
    uncoloured,
)
from benchmarks.records import index_by, read_judged, read_lines, require_complete, write_lines
from benchmarks.results import Item, Results, estimate, summarise

OFFICIAL_RESULTS = "geneval_results.jsonl"
"""The official evaluator's columns, for its summary script and for those who read them."""
ROUNDING = 1e-3
"""By how much a score in half precision may lie beyond 1."""
WEIGHTS: dict[str, float] = dict.fromkeys(TAGS, 1.0)


def score(
    records_path: Path,
    prompts_path: Path,
    allow_missing: bool = False,
    judge_name: str | None = None,
    images_per_prompt: int | None = None,
) -> Results:
    """Return per-tag image accuracies and their unweighted mean, and the shares of correct images
    and prompts.

    `judge_name` names the judge of records made elsewhere, and `images_per_prompt` how many there
    should be; what is not stated is taken from the records' manifest or from the fullest prompt.
    """
    prompts = read_prompts(prompts_path)
    manifest = read_judged(records_path, prompts_path, judge_name)
    records = read_records(records_path)
    stated = images_per_prompt or manifest.get("images_per_prompt")
    placed = place_records(records, prompts, stated)
    count = stated or max(image for _, image in placed) + 1
    expected = [(number, image) for number in range(len(prompts)) for image in range(count)]
    missing = require_complete(
        "records", map(slot_name, expected), map(slot_name, placed), allow_missing
    )
    items = [_item(placed[slot], prompts[slot[0]], slot) for slot in expected if slot in placed]
    label = manifest["label"]
    metrics = summarise("geneval", label, items, WEIGHTS)
    metrics[f"geneval.correct_images@{label}"] = estimate(items)
    metrics[f"geneval.correct_prompts@{label}"] = estimate(_best_of_prompts(items, prompts))
    protocol = {key: value for key, value in manifest.items() if key != "images"}
    protocol |= {
        "prompts": describe(prompts_path, prompts),
        "images_per_prompt": count,
        "missing": missing,
        "rules": "official",
        "weights": {tag: WEIGHTS[tag] for tag in dict.fromkeys(item.stratum for item in items)},
    }
    return Results(
        benchmark="geneval",
        protocol=protocol,
        n_expected=len(expected),
        n_scored=len(items),
        metrics=metrics,
        items=items,
    )


def read_records(path: Path) -> list[dict[str, Any]]:
    """Return the records of a file; ValueError names one that is ill-formed, or comes twice."""
    records = read_lines(path, "filename", "detections")
    index_by(records, "filename")
    for record in records:
        if not isinstance(record["detections"], dict):
            given = str(record["detections"])[:80]
            raise ValueError(f"{record['filename']} must have detections by class, got {given}.")
        for name, found in record["detections"].items():
            if not _are_detections(found):
                raise ValueError(
                    f"{record['filename']} must have boxes [x0, y0, x1, y1, score] of finite "
                    f"numbers with a colour each for {name!r}, scores in [0, 1], "
                    f"got {str(found)[:80]}."
                )
    return records


def _are_detections(found: Any) -> bool:
    """Return whether `found` has boxes, and as many colours if any."""
    if not isinstance(found, dict) or not _are_boxes(found.get("boxes")):
        return False
    colours = found.get("colors")
    return not colours or (isinstance(colours, list) and len(colours) == len(found["boxes"]))


def _are_boxes(boxes: Any) -> bool:
    """Return whether `boxes` is a list of fives of finite numbers, the last a score."""
    if boxes == []:
        return True
    try:
        numbers = np.asarray(boxes, dtype=np.float64)
    except (TypeError, ValueError):
        return False
    if numbers.ndim != 2 or numbers.shape[1] != 5 or not np.isfinite(numbers).all():
        return False
    return bool(((numbers[:, 4] >= 0) & (numbers[:, 4] <= 1 + ROUNDING)).all())


def place_records(
    records: Sequence[Mapping[str, Any]], prompts: Sequence[Record], images_per_prompt: int | None
) -> dict[Slot, Mapping[str, Any]]:
    """Return the records by prompt and number among the prompt's images.

    A record's prompt is the one in the path of its image, or where that says something else, the
    one whose metadata it carries. ValueError for a record of no prompt, and for a prompt with too
    many.
    """
    numbers: dict[str, int] = {}
    for number, prompt in reversed(list(enumerate(prompts))):
        numbers[metadata_line(prompt)] = number
    found = [(_prompt_of(record, prompts, numbers), str(record["filename"])) for record in records]
    fullest = max(np.bincount([number for number, _ in found]))
    by_name = {str(record["filename"]): record for record in records}
    placed = slots(found, images_per_prompt or int(fullest))
    return {slot: by_name[name] for slot, name in placed.items()}


def _prompt_of(
    record: Mapping[str, Any], prompts: Sequence[Record], numbers: Mapping[str, int]
) -> int:
    number, metadata = prompt_number(record, prompts), record.get("metadata")
    if number is not None and (not metadata or metadata == prompts[number]):
        return number
    line = metadata_line(metadata or {})
    if line not in numbers:
        raise ValueError(
            f"{record['filename']} must be of one of the {len(prompts)} prompts, got {line[:80]}."
        )
    return numbers[line]


def _item(record: Record, metadata: Record, slot: Slot) -> Item:
    if name := uncoloured(metadata, record["detections"]):
        raise ValueError(
            f"{record['filename']} must have colors for {name!r}, as its prompt asks for one, "
            f"got none."
        )
    correct, reason = judge_image(metadata, record["detections"])
    return Item(
        name=slot_name(slot),
        cluster=f"{slot[0]:05d}",
        stratum=metadata["tag"],
        column=metadata.get("column"),
        value=float(correct),
        detail={"prompt": metadata["prompt"], "reason": reason},
    )


def _best_of_prompts(items: Sequence[Item], prompts: Sequence[Record]) -> list[Item]:
    """Return a correct image of each prompt, or an incorrect one where there is none.

    As officially, prompts of one metadata are one.
    """
    texts = [metadata_line(prompt) for prompt in prompts]
    ranked = sorted(items, key=lambda item: item.value)
    return list({texts[int(item.cluster)]: item for item in ranked}.values())


def collect_prompts(records_path: Path, path: Path) -> None:
    """Write the metadata of records as a prompt file, a prompt once, in the order of the records.

    ValueError if a record has none.
    """
    records = read_lines(records_path, "filename", "metadata", "detections")
    write_lines(path, {metadata_line(one["metadata"]): one["metadata"] for one in records}.values())


def write_official(records_path: Path, prompts_path: Path, path: Path) -> None:
    """Write one line an image in the official columns: filename, tag, prompt, correct, reason,
    metadata and details (the boxes above the threshold by class).
    """
    prompts = read_prompts(prompts_path)
    placed = place_records(read_records(records_path), prompts, None)
    write_lines(path, _official_rows(placed, prompts))


def _official_rows(
    placed: Mapping[Slot, Mapping[str, Any]], prompts: Sequence[Record]
) -> Iterator[dict[str, Any]]:
    for (number, _), record in sorted(placed.items(), key=lambda entry: entry[0]):
        metadata = prompts[number]
        correct, reason = judge_image(metadata, record["detections"])
        threshold = COUNTING_THRESHOLD if metadata["tag"] == "counting" else THRESHOLD
        details: dict[str, list[list[float]]] = defaultdict(list)
        for name, found in record["detections"].items():
            for box, _ in best(found, threshold):
                details[name].append(box.tolist())
        yield {
            "filename": record["filename"],
            "tag": metadata["tag"],
            "prompt": metadata["prompt"],
            "correct": correct,
            "reason": reason,
            "metadata": metadata_line(metadata),
            "details": json.dumps(details),
        }
