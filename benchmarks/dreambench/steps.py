"""DreamBench's images drawn from a picture and a prompt, and how like each is to both."""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from benchmarks.abilities import require_pictures
from benchmarks.drawing import draw_files
from benchmarks.dreambench.subjects import (
    PROMPTS_FILE,
    Slot,
    Subject,
    picture_fingerprint,
    read_subjects,
    slots,
)
from benchmarks.image_judging import judge_images
from benchmarks.images import BATCH, read_image
from benchmarks.judges import Judge
from benchmarks.named_images import KIND, find_named
from benchmarks.protocol import Model, Request
from benchmarks.records import generated_manifest, judged_manifest, read_manifest

BENCHMARK = "dreambench"
IMAGES_PER_PROMPT = 4
SEEDS = "running number of the image"
GIVEN = "the subject's first picture by name"
PICTURES = "pictures_sha256"
REAL = "real"
"""What a record says of its subject's pictures among themselves."""
Vectors = Mapping[str, np.ndarray]
"""Unit vectors [n, d] by the name of the network that made them: `dino`, `clip`."""


class SubjectJudge(Judge, Protocol):
    """Turns images and texts into unit vectors whose cosines say how like they are."""

    def see(self, images: Sequence[np.ndarray]) -> Vectors:
        """Return the vectors, by `dino` and `clip`, of images uint8 [h, w, 3]."""
        ...

    def read(self, texts: Sequence[str]) -> np.ndarray:
        """Return CLIP's vectors [n, d] of texts."""
        ...


def generate(
    model: Model,
    data_dir: Path,
    out_dir: Path,
    images_per_prompt: int = IMAGES_PER_PROMPT,
    at_once: int = BATCH,
) -> None:
    """Draw each prompt of each subject, given the subject's first picture.

    ValueError if the model does not draw from pictures, or the folder holds images of other prompts
    or settings.
    """
    subjects = read_subjects(data_dir)
    require_pictures(model, BENCHMARK)
    manifest = generated_manifest(
        data_dir / PROMPTS_FILE,
        model.protocol,
        images_per_prompt=images_per_prompt,
        seeds=SEEDS,
        given=GIVEN,
        **{PICTURES: picture_fingerprint(data_dir, subjects)},
    )
    read = lru_cache(maxsize=2)(_read)
    requests = {
        f"{slot.name}{KIND}": partial(_request, slot, seed, read)
        for seed, slot in enumerate(slots(subjects, images_per_prompt))
    }
    draw_files(model, manifest, requests, out_dir, at_once)


def _request(slot: Slot, seed: int, read: Any) -> Request:
    return Request(slot.text, (read(slot.subject.given),), seed=seed)


def _read(path: Path) -> np.ndarray:
    """Return a subject's picture; OSError with its name if it is damaged."""
    try:
        return read_image(path)
    except OSError as error:
        raise OSError(f"{path} must be a whole image, got: {error}.") from error


def judge(
    judge: SubjectJudge,
    images_dir: Path,
    data_dir: Path,
    out_dir: Path,
    allow_missing: bool = False,
    images_per_prompt: int | None = None,
) -> None:
    """Write one record an image: its cosines with each picture of its subject and with its prompt,
    and how like those pictures are to each other.

    ValueError for an image of no subject and prompt, and for images that were drawn from other
    pictures; MissingItemsError for one that is missing or unreadable.
    """
    subjects = read_subjects(data_dir)
    manifest = read_manifest(images_dir, data_dir / PROMPTS_FILE)
    pictures = picture_fingerprint(data_dir, subjects)
    if manifest.get(PICTURES, pictures) != pictures:
        raise ValueError(f"{images_dir} must be drawn from the pictures of {data_dir}, got others.")
    count = images_per_prompt or manifest.get("images_per_prompt", IMAGES_PER_PROMPT)
    manifest = {**manifest, "images_per_prompt": count, PICTURES: pictures}
    places = slots(subjects, count)
    files = find_named(images_dir, [slot.name for slot in places])
    place_of = {files[slot.name]: slot for slot in places}
    look = partial(_look, judge, place_of, lru_cache(maxsize=1)(partial(_seen_pictures, judge)))
    judged = judged_manifest(manifest, judge)
    judge_images(images_dir, list(place_of), look, judged, out_dir, allow_missing)


def _seen_pictures(judge: SubjectJudge, subject: Subject) -> Vectors:
    return judge.see([_read(path) for path in subject.pictures])


def _look(
    judge: SubjectJudge,
    place_of: Mapping[str, Slot],
    pictures_of: Any,
    names: Sequence[str],
    images: Sequence[np.ndarray],
) -> Iterable[dict[str, Any]]:
    """Yield the record of each image; those of one subject follow one another."""
    pairs = zip(names, images, strict=True)
    for subject, group in groupby(pairs, key=lambda pair: place_of[pair[0]].subject):
        seen_names, seen_images = zip(*group, strict=True)
        made, real = judge.see(seen_images), pictures_of(subject)
        told = judge.read([place_of[name].text for name in seen_names])
        for row, name in enumerate(seen_names):
            yield {
                "prompt": place_of[name].text,
                "dino": _cosines(real["dino"], made["dino"][row], subject),
                "clip_i": _cosines(real["clip"], made["clip"][row], subject),
                "clip_t": float(told[row] @ made["clip"][row]),
                REAL: {"dino": mutual(real["dino"]), "clip_i": mutual(real["clip"])},
            }


def mutual(pictures: np.ndarray) -> float | None:
    """Return the mean cosine of pictures [n, d] with one another; None for one alone."""
    count = len(pictures)
    cosines = pictures @ pictures.T
    return float((cosines.sum() - cosines.trace()) / (count * (count - 1))) if count > 1 else None


def _cosines(pictures: np.ndarray, image: np.ndarray, subject: Subject) -> dict[str, float]:
    """Return the cosine of an image [d] with each picture [n, d], by the picture's file."""
    found = (pictures @ image).tolist()
    return {path.name: value for path, value in zip(subject.pictures, found, strict=True)}
