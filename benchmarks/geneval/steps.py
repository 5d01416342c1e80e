"""GenEval's images in the official layout: drawn by a model, and looked at by a judge."""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Literal

from benchmarks.geneval.layout import METADATA, find_images, image_names, slot_name, slots
from benchmarks.geneval.prompts import Record, describe, read_prompts
from benchmarks.images import BATCH, batched, draw, image_batches, write_image
from benchmarks.judges import ObjectJudge
from benchmarks.progress import Journal, begin, fingerprint, finish, hash_files, is_finished
from benchmarks.protocol import Model, Request, continues_streams
from benchmarks.records import (
    MANIFEST,
    RECORDS,
    generated_manifest,
    judged_manifest,
    read_manifest,
    require_complete,
    write_json,
    write_lines,
)
from benchmarks.sharding import current, joined

IMAGES_PER_PROMPT = 4
SEED = 42
"""The official seed, set anew before every prompt."""
SEEDS = {
    "running": "running number of the image",
    "official": f"{SEED} anew before every prompt, its images one after the other",
}
JUDGED_AT_ONCE = 64
"""Images between two entries of the journal."""


def generate(
    model: Model,
    prompts_path: Path,
    out_dir: Path,
    images_per_prompt: int = IMAGES_PER_PROMPT,
    seeds: Literal["running", "official"] = "running",
    at_once: int = BATCH,
) -> None:
    """Draw the prompts of a metadata file into the official layout, about `at_once` images at a
    time.

    Prompts whose images are there already are left alone if the folder's own account says that
    they were made in the same way; ValueError if it says otherwise, or if the model cannot follow
    the official seeds.
    """
    prompts = read_prompts(prompts_path)
    manifest = generated_manifest(
        prompts_path, model.protocol, images_per_prompt=images_per_prompt, seeds=SEEDS[seeds]
    )
    manifest["prompts"] = describe(prompts_path, prompts)
    names = image_names(len(prompts), images_per_prompt)
    if is_finished(out_dir, manifest, *names):
        return
    require_seeds(model, seeds)
    begin(out_dir, manifest)
    lacking = [
        number
        for number, group in enumerate(batched(names, images_per_prompt))
        if current().has(number) and not all((out_dir / name).exists() for name in group)
    ]
    for numbers in batched(lacking, max(1, at_once // images_per_prompt)):
        for number in numbers:
            write_lines(out_dir / f"{number:05d}" / METADATA, [prompts[number]])
        wanted = [(number, image) for number in numbers for image in range(images_per_prompt)]
        requests = [
            _request(prompts[number]["prompt"], number * images_per_prompt, image, seeds)
            for number, image in wanted
        ]
        for slot, image in zip(wanted, draw(model, requests), strict=True):
            write_image(out_dir / slot_name(slot), image)
    finish(out_dir, manifest, *names)


def require_seeds(model: Model, seeds: str) -> None:
    """ValueError if the model cannot follow the rule."""
    if seeds == "official" and not continues_streams(model):
        raise ValueError(
            "a model must draw from a continued stream for --seeds official, got one that does "
            "not; pass --seeds running."
        )


def _request(text: str, first: int, image: int, seeds: str) -> Request:
    """Return the request of one image; `first` is the running number of its prompt's first."""
    if seeds == "official":
        return Request(text, seed=SEED, draw=image)
    return Request(text, seed=first + image)


def judge(
    judge: ObjectJudge,
    images_dir: Path,
    prompts_path: Path,
    out_dir: Path,
    allow_missing: bool = False,
    images_per_prompt: int | None = None,
) -> None:
    """Write one record an image: its path, its metadata and the judge's detections.

    A judge that was interrupted goes on. Images are those of the official layout, made here or
    elsewhere; ValueError for one too many, MissingItemsError for one too few or one that cannot be
    read.
    """
    prompts = read_prompts(prompts_path)
    manifest = read_manifest(images_dir, prompts_path)
    manifest["prompts"] = describe(prompts_path, prompts)
    count = images_per_prompt or manifest.get("images_per_prompt", IMAGES_PER_PROMPT)
    manifest = judged_manifest({**manifest, "images_per_prompt": count}, judge)
    names = _name_images(images_dir, prompts, count, allow_missing)
    hashes = hash_files(images_dir, names)
    if is_finished(out_dir, {**manifest, "images": fingerprint(hashes)}, RECORDS):
        return
    with Journal(out_dir, manifest, hashes) as journal:
        own = {name: prompts[number] for name, number in names.items() if current().has(number)}
        _detect(judge, images_dir, own, journal)
    seen = {row["filename"] for row in journal.rows}
    require_complete("images", own, seen & own.keys(), allow_missing)
    with joined(out_dir, manifest):
        names = _name_images(images_dir, prompts, count, allow_missing)
        hashes = hash_files(images_dir, names)
        rows = {row["filename"]: row for row in journal.read(hashes)}
        require_complete("images", names, rows, allow_missing)
        write_lines(out_dir / RECORDS, [rows[name] for name in names if name in rows])
        write_json(out_dir / MANIFEST, {**manifest, "images": fingerprint(hashes)})
        journal.remove()


def _name_images(
    folder: Path, prompts: Sequence[Record], count: int, allow_missing: bool
) -> dict[str, int]:
    """Return the numbers of the prompts by the paths of all their images, found or not.

    MissingItemsError if this process should see one that is not there.
    """
    found = slots(find_images(folder, prompts), count)
    names = {
        found.get(slot, slot_name(slot)): slot[0]
        for slot in product(range(len(prompts)), range(count))
    }
    own = [name for name, number in names.items() if current().has(number)]
    require_complete("images", own, set(found.values()).intersection(own), allow_missing)
    return names


def _detect(
    judge: ObjectJudge, folder: Path, metadata: Mapping[str, Record], journal: Journal
) -> None:
    """Let the judge see the images, by name, that the journal has not; those that cannot be read
    are left out.
    """
    done = {row["filename"] for row in journal.rows}
    waiting = [name for name in metadata if name not in done]
    for names, images in image_batches(folder, waiting, JUDGED_AT_ONCE):
        prompts = [metadata[name] for name in names]
        detected = zip(names, prompts, judge.detect(images, prompts), strict=True)
        journal.append(
            (name, {"filename": name, "metadata": prompt, "detections": detections})
            for name, prompt, detections in detected
        )
