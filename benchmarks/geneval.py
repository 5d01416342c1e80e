"""GenEval: are the objects there that the prompt names, as many, in their colours, where it says?

Ghosh et al. 2023 (arXiv 2310.11513). The rules are those of the official evaluator, its float32
comparisons included; `detections` come from any judge. A metadata record may carry a `column`, by
which the scores are then split as well.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.images import draw, image_batches, write_image
from benchmarks.judges import ObjectJudge
from benchmarks.protocol import Model, Request
from benchmarks.records import (
    RECORDS,
    index_by,
    read_judged,
    read_lines,
    read_manifest,
    require_complete,
    write_generated,
    write_judged,
    write_lines,
)
from benchmarks.results import Item, Results, estimate, summarise

TAGS = ("single_object", "two_object", "counting", "colors", "position", "color_attr")
IMAGES_PER_PROMPT = 4
THRESHOLD = np.float32(0.3)
COUNTING_THRESHOLD = np.float32(0.9)
MAX_OBJECTS = 16
DEAD_ZONE = np.float32(0.1)
"""An offset counts from this share of both boxes' sizes together."""

Record = Mapping[str, Any]
Detections = Mapping[str, Mapping[str, Sequence[Any]]]
Found = list[tuple[np.ndarray, str]]
"""Detections of one class, best first: box with score, float32 [5], and colour."""


def image_names(prompts: int, images_per_prompt: int) -> list[str]:
    """Return the official paths of the images, prompt by prompt."""
    return [
        f"{prompt:05d}/samples/{image:04d}.png"
        for prompt in range(prompts)
        for image in range(images_per_prompt)
    ]


def generate(
    model: Model, prompts_path: Path, out_dir: Path, images_per_prompt: int = IMAGES_PER_PROMPT
) -> None:
    """Draw the prompts of a metadata file into the official layout; the seed of an image is its
    running number.
    """
    prompts = read_lines(prompts_path, "tag", "include", "prompt")
    names = image_names(len(prompts), images_per_prompt)
    requests = [
        Request(prompts[number // images_per_prompt]["prompt"], seed=number)
        for number in range(len(names))
    ]
    for index, record in enumerate(prompts):
        write_lines(out_dir / f"{index:05d}" / "metadata.jsonl", [record])
    for name, image in zip(names, draw(model, requests), strict=True):
        write_image(out_dir / name, image)
    write_generated(
        out_dir,
        prompts_path,
        model.protocol,
        images_per_prompt=images_per_prompt,
        seeds="running number of the image",
    )


def judge(
    judge: ObjectJudge,
    images_dir: Path,
    prompts_path: Path,
    out_dir: Path,
    allow_missing: bool = False,
) -> None:
    """Write one record an image: its name, its metadata and the judge's detections."""
    prompts = read_lines(prompts_path, "tag", "include", "prompt")
    manifest = read_manifest(images_dir, prompts_path)
    names = image_names(len(prompts), manifest.setdefault("images_per_prompt", IMAGES_PER_PROMPT))
    records = [
        {"filename": name, "metadata": prompts[int(name[:5])], "detections": detections}
        for batch, images in image_batches(images_dir, names)
        for name, detections in zip(batch, judge.detect(images), strict=True)
    ]
    require_complete("images", names, (record["filename"] for record in records), allow_missing)
    write_lines(out_dir / RECORDS, records)
    write_judged(out_dir, manifest, judge)


def score(records_path: Path, prompts_path: Path, allow_missing: bool = False) -> Results:
    """Return per-tag image accuracies and their unweighted mean, and the shares of correct images
    and prompts.
    """
    prompts = read_lines(prompts_path, "tag", "include", "prompt")
    manifest = read_judged(records_path, prompts_path)
    records = index_by(read_lines(records_path, "filename", "detections"), "filename")
    names = image_names(len(prompts), manifest.get("images_per_prompt", IMAGES_PER_PROMPT))
    missing = require_complete("records", names, records, allow_missing)
    items = [
        _item(records[name], prompts[int(name[:5])], name) for name in names if name in records
    ]
    label = manifest["label"]
    metrics = summarise("geneval", label, items, dict.fromkeys(TAGS, 1.0))
    metrics[f"geneval.correct_images@{label}"] = estimate(items)
    metrics[f"geneval.correct_prompts@{label}"] = estimate(_best_of_prompts(items))
    return Results(
        benchmark="geneval",
        protocol={**manifest, "missing": missing, "rules": "official"},
        n_expected=len(names),
        n_scored=len(items),
        metrics=metrics,
        items=items,
    )


def _item(record: Record, metadata: Record, name: str) -> Item:
    correct, reason = judge_image(metadata, record["detections"])
    return Item(
        name=name,
        cluster=name[:5],
        stratum=metadata["tag"],
        column=metadata.get("column"),
        value=float(correct),
        detail={"prompt": metadata["prompt"], "reason": reason},
    )


def _best_of_prompts(items: Sequence[Item]) -> list[Item]:
    """Return a correct image of each prompt, or an incorrect one where there is none."""
    return list(
        {item.cluster: item for item in sorted(items, key=lambda item: item.value)}.values()
    )


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


def best(detected: Mapping[str, Sequence[Any]] | None, threshold: np.float32) -> Found:
    """Return the detections of one class above `threshold`, at most MAX_OBJECTS, best first and the
    later one at a tie.
    """
    if not detected or not detected["boxes"]:
        return []
    boxes = np.asarray(detected["boxes"], dtype=np.float32)
    order = np.argsort(boxes[:, 4], kind="stable")[::-1]
    order = order[boxes[order, 4] > threshold][:MAX_OBJECTS]
    return [(boxes[index], detected["colors"][index]) for index in order]


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


def relative_position(box: np.ndarray, other: np.ndarray) -> set[str]:
    """Return how `box` lies to `other` (float32 [4 or more], x0 y0 x1 y1): none, one or two
    relations.
    """
    offset = (box[:2] + box[2:4]) / 2 - (other[:2] + other[2:4]) / 2
    sizes = np.abs(box[2:4] - box[:2]) + np.abs(other[2:4] - other[:2])
    revised = np.maximum(np.abs(offset) - DEAD_ZONE * sizes, 0) * np.sign(offset)
    if np.all(np.abs(revised) < 1e-3):
        return set()
    x, y = revised / np.linalg.norm(offset)
    relations = {"left of": x < -0.5, "right of": x > 0.5, "above": y < -0.5, "below": y > 0.5}
    return {name for name, holds in relations.items() if holds}
