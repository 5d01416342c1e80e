"""DPG: dense prompts, each with a tree of yes-or-no questions about what it asks for.

Hu et al. 2024 (ELLA, arXiv 2403.05135). A question counts only if the questions it depends on were
answered yes. The score is the paper's, on the official scale of 0 to 100; the official code's
deviations (a dropped first row, category scores of the last crop alone before the zeroing) are not
repeated.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from benchmarks.images import BATCH, batched, draw, read_image, write_image
from benchmarks.judges import QuestionJudge
from benchmarks.protocol import Model, Request
from benchmarks.records import (
    RECORDS,
    index_by,
    read_judged,
    read_lines,
    read_manifest,
    require_complete,
    whole_file,
    write_generated,
    write_judged,
    write_lines,
)
from benchmarks.results import Item, Results, estimate, summarise

COLUMNS: Sequence[str] = (
    "item_id",
    "text",
    "keywords",
    "proposition_id",
    "dependency",
    "category_broad",
    "category_detailed",
    "tuple",
    "question_natural_language",
)
CROPS = 4
FULL_SCORE = 100.0
READABLE = {"yes": True, "no": False}

Row = Mapping[str, str]


def write_questions(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as the official CSV."""
    with whole_file(path) as partial, partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)


def read_questions(path: Path) -> dict[str, list[Row]]:
    """Return the CSV's questions by item.

    ValueError for a lacking column, a duplicate proposition, or a dependency on one that the item
    does not have.
    """
    with path.open(newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    if lacking := [name for name in COLUMNS if name not in (reader.fieldnames or ())]:
        raise ValueError(f"{path} must have the column {lacking[0]!r}, got {reader.fieldnames}.")
    propositions = index_by(rows, "item_id", "proposition_id")
    items: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        items[row["item_id"]].append(row)
        for parent in parents(row):
            if (row["item_id"], parent) not in propositions:
                where = f"{row['item_id']} proposition {row['proposition_id']}"
                raise ValueError(f"{where} must depend on one of its item, got {parent!r}.")
    return dict(items)


def parents(row: Row) -> list[str]:
    """Return the propositions that a question depends on; "0" in the file means none."""
    return [
        name for part in row["dependency"].split(",") if (name := part.strip()) not in ("", "0")
    ]


def generate(model: Model, prompts_path: Path, out_dir: Path) -> None:
    """Draw each item of the questions CSV four times, into one 2x2 grid; the seed is the image's
    running number.
    """
    items = read_questions(prompts_path)
    texts = [rows[0]["text"] for rows in items.values() for _ in range(CROPS)]
    images = draw(model, [Request(text, seed=number) for number, text in enumerate(texts)])
    for name, crops in zip(items, batched(images, CROPS), strict=True):
        grid = np.vstack([np.hstack(crops[:2]), np.hstack(crops[2:])])
        write_image(out_dir / f"{name}.png", grid)
    write_generated(
        out_dir,
        prompts_path,
        model.protocol,
        images_per_prompt=CROPS,
        seeds="running number of the image",
    )


def judge(
    judge: QuestionJudge,
    images_dir: Path,
    prompts_path: Path,
    out_dir: Path,
    allow_missing: bool = False,
) -> None:
    """Write one record a crop and question: the judge's reply."""
    items = read_questions(prompts_path)
    manifest = read_manifest(images_dir, prompts_path)
    records: list[dict[str, object]] = []
    for chunk in batched(read_crops(images_dir, items), BATCH):
        names, crops, images = zip(*chunk, strict=True)
        replies = judge.answer(images, [items[name] for name in names])
        records += [
            {
                "item_id": name,
                "crop": crop,
                "proposition_id": row["proposition_id"],
                "answer": reply,
            }
            for name, crop, given in zip(names, crops, replies, strict=True)
            for row, reply in zip(items[name], given, strict=True)
        ]
    judged = {(record["item_id"], record["crop"]) for record in records}
    require_complete("crops", product(items, range(CROPS)), judged, allow_missing)
    write_lines(out_dir / RECORDS, records)
    write_judged(out_dir, manifest, judge)


def read_crops(folder: Path, items: Iterable[str]) -> Iterator[tuple[str, int, np.ndarray]]:
    """Yield item, crop and image of what can be read: one 2x2 grid, or four files
    `<item>_<crop>.png`.
    """
    for name in items:
        grid = folder / f"{name}.png"
        try:
            if grid.exists():
                yield from ((name, crop, image) for crop, image in enumerate(quarters(grid)))
            else:
                for crop in range(CROPS):
                    yield name, crop, read_image(folder / f"{name}_{crop}.png")
        except OSError:  # missing or truncated: `require_complete` counts and names it
            continue


def quarters(path: Path) -> list[np.ndarray]:
    """Return the four crops of a 2x2 grid: top left, top right, bottom left, bottom right."""
    grid = read_image(path)
    height, width = grid.shape[0] // 2, grid.shape[1] // 2
    return [
        grid[top : top + height, left : left + width] for top in (0, height) for left in (0, width)
    ]


def score(records_path: Path, prompts_path: Path, allow_missing: bool = False) -> Results:
    """Return the mean over items of their crops' means, and by broad category over questions."""
    items = read_questions(prompts_path)
    manifest = read_judged(records_path, prompts_path)
    records = index_by(
        read_lines(records_path, "item_id", "crop", "proposition_id", "answer"),
        "item_id",
        "crop",
        "proposition_id",
    )
    replies = {
        key: READABLE[reply]
        for key, record in records.items()
        if (reply := str(record["answer"]).strip().lower()) in READABLE
    }
    crops = {(name, crop): rows for name, rows in items.items() for crop in range(CROPS)}
    expected = [(*crop, row["proposition_id"]) for crop, rows in crops.items() for row in rows]
    missing = require_complete("replies", expected, replies, allow_missing)
    unanswered = set(missing)
    questions = [
        item
        for crop, rows in crops.items()
        if not any((*crop, row["proposition_id"]) in unanswered for row in rows)
        for item in _question_items(crop, rows, replies)
    ]
    prompts = _prompt_items(questions)
    label = manifest["label"]
    categories = summarise("dpg", label, questions)
    return Results(
        benchmark="dpg",
        protocol={**manifest, "missing": missing, "mode": "fixed"},
        n_expected=len(items),
        n_scored=len(prompts),
        metrics={**categories, f"dpg.overall@{label}": estimate(prompts)},
        items=prompts,
    )


def _question_items(
    crop: tuple[str, int], rows: Sequence[Row], replies: Mapping[tuple[str, int, str], bool]
) -> list[Item]:
    """Return the questions of one crop, 100 where yes after the zeroing."""
    answers = {row["proposition_id"]: replies[*crop, row["proposition_id"]] for row in rows}
    holds = zero_dependents(answers, {row["proposition_id"]: parents(row) for row in rows})
    return [
        Item(
            name=f"{crop[0]}/{crop[1]}/{row['proposition_id']}",
            cluster=crop[0],
            stratum=row["category_broad"],
            value=FULL_SCORE * holds[row["proposition_id"]],
        )
        for row in rows
    ]


def zero_dependents(
    answers: Mapping[str, bool], parents: Mapping[str, Sequence[str]]
) -> dict[str, bool]:
    """Return the answers, each a no where one that it depends on, at any distance, is a no."""
    holds = dict(answers)
    while zeroed := [
        name for name in holds if holds[name] and not all(holds[p] for p in parents[name])
    ]:
        holds.update(dict.fromkeys(zeroed, False))
    return holds


def _prompt_items(questions: Sequence[Item]) -> list[Item]:
    """Return one item a prompt: the mean over its crops of the mean over their questions."""
    crops: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for item in questions:
        crops[item.cluster][item.name.rsplit("/", 1)[0]].append(item.value)
    return [
        Item(
            name=name,
            cluster=name,
            stratum="all",
            value=fmean(map(fmean, by_crop.values())),
        )
        for name, by_crop in crops.items()
    ]
