"""Commonsense-T2I's images drawn by a model, and how like each is to its pair's descriptions."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.abilities import OpposedRequest, require_negatives
from benchmarks.commonsense_t2i.pairs import Pair, Slot, read_pairs, slots
from benchmarks.drawing import draw_files
from benchmarks.image_judging import judge_images
from benchmarks.images import BATCH
from benchmarks.judges import Judge
from benchmarks.named_images import KIND, find_named
from benchmarks.protocol import Model, Request
from benchmarks.records import generated_manifest, judged_manifest, read_manifest

BENCHMARK = "commonsense_t2i"
IMAGES_PER_PROMPT = 4
SEEDS = "running number of the image"
NEGATIVES = "negative_prompts"
"""Whether each image is drawn away from the pair's other prompt."""


class LikenessJudge(Judge, Protocol):
    """Says how like an image is to texts."""

    def likeness(self, images: Sequence[np.ndarray], texts: Sequence[str]) -> list[list[float]]:
        """Return the cosine of each image, uint8 [h, w, 3], with each text."""
        ...


def generate(
    model: Model,
    prompts_path: Path,
    out_dir: Path,
    images_per_prompt: int = IMAGES_PER_PROMPT,
    negatives: bool = False,
    at_once: int = BATCH,
) -> None:
    """Draw both prompts of each pair, each away from the other where `negatives` says so.

    ValueError if the folder holds images of other prompts or settings, or the model takes no
    negative prompts.
    """
    pairs = read_pairs(prompts_path)
    if negatives:
        require_negatives(model, BENCHMARK)
    manifest = generated_manifest(
        prompts_path,
        model.protocol,
        images_per_prompt=images_per_prompt,
        seeds=SEEDS,
        **{NEGATIVES: negatives},
    )
    requests = {
        f"{slot.name}{KIND}": partial(_request, pairs[slot.pair - 1], slot, seed, negatives)
        for seed, slot in enumerate(slots(pairs, images_per_prompt))
    }
    draw_files(model, manifest, requests, out_dir, at_once)


def _request(pair: Pair, slot: Slot, seed: int, negatives: bool) -> Request:
    if negatives:
        return OpposedRequest(pair.prompt(slot.side), seed=seed, negative=pair.opposed(slot.side))
    return Request(pair.prompt(slot.side), seed=seed)


def judge(
    judge: LikenessJudge,
    images_dir: Path,
    prompts_path: Path,
    out_dir: Path,
    allow_missing: bool = False,
    **stated: Any,
) -> None:
    """Write one record an image: its likeness to the descriptions of its pair, in their order.

    `stated` are entries of the manifest (`images_per_prompt`, `negative_prompts`) for images made
    elsewhere; ValueError where the images' own manifest says otherwise, or for an image of no pair.
    """
    pairs = read_pairs(prompts_path)
    manifest = read_manifest(images_dir, prompts_path)
    manifest = {"images_per_prompt": IMAGES_PER_PROMPT, NEGATIVES: False, **stated, **manifest}
    for name, value in stated.items():
        if manifest[name] != value:
            raise ValueError(
                f"{name} of {images_dir} must be as its manifest says, "
                f"{manifest[name]}, got {value}."
            )
    places = slots(pairs, manifest["images_per_prompt"])
    files = find_named(images_dir, [slot.name for slot in places])
    pair_of = {files[slot.name]: pairs[slot.pair - 1] for slot in places}

    def look(names: Sequence[str], images: Sequence[np.ndarray]) -> Iterable[dict[str, Any]]:
        for name, image in zip(names, images, strict=True):
            [found] = judge.likeness([image], pair_of[name].descriptions)
            yield {"likeness": found}

    judged = judged_manifest(manifest, judge)
    judge_images(images_dir, list(pair_of), look, judged, out_dir, allow_missing)
