"""DPG's images drawn by a model, and asked about by a judge."""

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks.dpg.grids import CROPS, Crop, find_files, join, read_files
from benchmarks.dpg.questions import Row, are_rewritten, canonical, prompt_texts, read_questions
from benchmarks.images import BATCH, batched, draw, write_image
from benchmarks.judges import QuestionJudge
from benchmarks.progress import Journal, begin, fingerprint, finish, hash_files, is_finished
from benchmarks.protocol import Model, Request
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

SEEDS = "running number of the image"
JUDGED_AT_ONCE = 16
"""Images between two entries of the journal."""


def generate(
    model: Model,
    prompts_path: Path,
    out_dir: Path,
    images_per_prompt: int = CROPS,
    texts_path: Path | None = None,
    at_once: int = BATCH,
) -> None:
    """Draw each item of the questions CSV four times into one 2x2 grid, or once; the seed is the
    image's running number.

    `texts_path` holds other texts for the items. Items that are there already are left alone if the
    folder's own account says that they were made in the same way; ValueError if it says otherwise.
    """
    items = read_questions(prompts_path)
    texts = prompt_texts(items, texts_path)
    manifest = generated_manifest(
        prompts_path, model.protocol, images_per_prompt=images_per_prompt, seeds=SEEDS
    )
    manifest["prompts"] |= _described(items, texts, texts_path)
    files = {name: f"{name}.png" for name in items}
    if is_finished(out_dir, manifest, *files.values()):
        return
    begin(out_dir, manifest)
    lacking = [
        (number, name)
        for number, (name, file) in enumerate(files.items())
        if current().has(number) and not (out_dir / file).exists()
    ]
    for chunk in batched(lacking, max(1, at_once // images_per_prompt)):
        requests = [
            Request(texts[name], seed=number * images_per_prompt + image)
            for number, name in chunk
            for image in range(images_per_prompt)
        ]
        drawn = batched(draw(model, requests), images_per_prompt)
        for (_, name), images in zip(chunk, drawn, strict=True):
            write_image(out_dir / files[name], join(images))
    finish(out_dir, manifest, *files.values())


def _described(
    items: Mapping[str, Sequence[Row]], texts: Mapping[str, str], path: Path | None
) -> dict[str, object]:
    """Return what the record of the prompts says of texts from another file."""
    if path is None:
        return {}
    digest = hashlib.sha256(canonical(texts)).hexdigest()
    return {"texts_sha256": digest, "rewritten": are_rewritten(items, texts)}


def judge(
    judge: QuestionJudge,
    images_dir: Path,
    prompts_path: Path,
    out_dir: Path,
    allow_missing: bool = False,
    images_per_prompt: int | None = None,
) -> None:
    """Write one record a crop and question: the judge's reply. A judge that was interrupted goes
    on.

    ValueError for an image of no item, MissingItemsError for one that is missing or unreadable.
    """
    items = read_questions(prompts_path)
    manifest = read_manifest(images_dir, prompts_path)
    count = images_per_prompt or manifest.get("images_per_prompt", CROPS)
    manifest = judged_manifest({**manifest, "images_per_prompt": count}, judge)
    own = {name: rows for n, (name, rows) in enumerate(items.items()) if current().has(n)}
    files = find_files(images_dir, items, count)
    _require_crops(files, own, count, allow_missing)
    hashes = _hash_crops(images_dir, files)
    if is_finished(out_dir, {**manifest, "images": fingerprint(hashes)}, RECORDS):
        return
    with Journal(out_dir, manifest, hashes) as journal:
        done = set(map(_crop, journal.rows))
        waiting = [name for name in own if not {(name, crop) for crop in range(count)} <= done]
        unseen = (one for one in read_files(files, waiting, count) if one[:2] not in done)
        for chunk in batched(unseen, JUDGED_AT_ONCE):
            rows = _answers(judge, chunk, items)
            journal.append((files[row["item_id"], row["crop"]].name, row) for row in rows)
    _require_crops(map(_crop, journal.rows), own, count, allow_missing)
    with joined(out_dir, manifest):
        hashes = _hash_crops(images_dir, find_files(images_dir, items, count))
        rows = journal.read(hashes)
        _require_crops(map(_crop, rows), items, count, allow_missing)
        place = {name: number for number, name in enumerate(items)}
        write_lines(
            out_dir / RECORDS, sorted(rows, key=lambda row: (place[row["item_id"]], row["crop"]))
        )
        write_json(out_dir / MANIFEST, {**manifest, "images": fingerprint(hashes)})
        journal.remove()


def _crop(record: Mapping[str, Any]) -> Crop:
    return record["item_id"], record["crop"]


def _require_crops(
    found: Iterable[Crop], items: Collection[str], count: int, allow_missing: bool
) -> None:
    """MissingItemsError if an image of these items is not among those found, some of others."""
    of_items = {crop for crop in found if crop[0] in items}
    require_complete("crops", product(items, range(count)), of_items, allow_missing)


def _hash_crops(folder: Path, files: Mapping[Crop, Path]) -> dict[str, str]:
    return hash_files(folder, dict.fromkeys(path.name for path in files.values()))


def _answers(
    judge: QuestionJudge, chunk: Iterable[tuple[str, int, Any]], items: Mapping[str, Sequence[Row]]
) -> list[dict[str, Any]]:
    """Return the records of some images."""
    names, crops, images = zip(*chunk, strict=True)
    replies = judge.answer(images, [items[name] for name in names])
    return [
        {
            "item_id": name,
            "crop": crop,
            "proposition_id": row["proposition_id"],
            "answer": reply,
        }
        for name, crop, given in zip(names, crops, replies, strict=True)
        for row, reply in zip(items[name], given, strict=True)
    ]
