"""Conditioned drawing in files: one image a prompt, then the objects that a judge finds in it."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from benchmarks.conditioned.prompts import Object, image_name, read_prompts, request
from benchmarks.drawing import draw_files
from benchmarks.images import BATCH, image_batches
from benchmarks.judges import ObjectJudge
from benchmarks.judges.world import place_of
from benchmarks.protocol import Model
from benchmarks.records import (
    RECORDS,
    generated_manifest,
    read_manifest,
    require_complete,
    write_judged,
    write_lines,
)

NATURAL = "natural"
"""What GenEval's record form calls an object without a tint."""


def generate(model: Model, prompts_path: Path, out_dir: Path, at_once: int = BATCH) -> None:
    """Draw one image a prompt, `<id>.png`; its seed is the prompt's running number.

    What is drawn already stays. ValueError if the folder holds images of other prompts or settings.
    """
    records = list(read_prompts(prompts_path).values())
    manifest = generated_manifest(
        prompts_path, model.protocol, images_per_prompt=1, seeds="running number of the prompt"
    )
    requests = {
        image_name(record): partial(request, record, prompts_path.parent, number)
        for number, record in enumerate(records)
    }
    draw_files(model, manifest, requests, out_dir, at_once)


def judge(
    judge: ObjectJudge,
    images_dir: Path,
    prompts_path: Path,
    out_dir: Path,
    allow_missing: bool = False,
) -> None:
    """Write one record a prompt: its id, and each object found with its colour and place."""
    prompts = {image_name(one): one for one in read_prompts(prompts_path).values()}
    manifest = read_manifest(images_dir, prompts_path)
    rows = {}
    for names, images in image_batches(images_dir, list(prompts)):
        asked = [prompts[name] for name in names]
        for name, image, found in zip(names, images, judge.detect(images, asked), strict=True):
            objects = objects_found(found, image.shape[0])
            rows[name] = {"id": prompts[name]["id"], "objects": objects}
    require_complete("images", prompts, rows, allow_missing)
    write_lines(out_dir / RECORDS, rows.values())
    write_judged(out_dir, manifest, judge)


def objects_found(detections: Mapping[str, Mapping[str, Sequence]], pixels: int) -> list[Object]:
    """Return the objects of GenEval's record form, each with the quarter that its middle is in."""
    return [
        (name, None if colour == NATURAL else colour, place_of(box[:4], pixels))
        for name, found in detections.items()
        for box, colour in zip(found["boxes"], found["colors"], strict=True)
    ]
