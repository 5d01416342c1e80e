"""DPG's questions as a file that a judge in another environment answers (mPLUG in modelscope's,
say).
"""

from collections import Counter
from itertools import product
from pathlib import Path

import numpy as np

from benchmarks.dpg.grids import CROPS, GRID, find_files, read_files
from benchmarks.dpg.questions import read_questions
from benchmarks.progress import begin, finish
from benchmarks.records import read_manifest, require_complete, write_lines

REQUESTS = "requests.jsonl"


def export(
    images_dir: Path,
    questions_path: Path,
    out_dir: Path,
    images_per_prompt: int | None = None,
    allow_missing: bool = False,
) -> int:
    """Write one line a question of an image, and return how many; beside them the images' manifest,
    for the records that they become.

    A line has what a record has but the `answer`, and beside it the `question`, the `image`'s path
    and the `box` of it [x0, y0, x1, y1] to look at. With an `answer` added, the lines are records.
    ValueError and MissingItemsError as in `judge`, and for a folder that holds another step's
    outcome.
    """
    items = read_questions(questions_path)
    manifest = read_manifest(images_dir, questions_path)
    count = images_per_prompt or manifest.get("images_per_prompt", CROPS)
    manifest = {**manifest, "images_per_prompt": count}
    files = find_files(images_dir, items, count)
    shared = Counter(files.values())
    found, lines = [], []
    for item, crop, image in read_files(files, items, count):
        found.append((item, crop))
        path = files[item, crop]
        box = _box(image, crop if shared[path] > 1 else 0)
        lines += [
            {
                "item_id": item,
                "crop": crop,
                "proposition_id": row["proposition_id"],
                "question": row["question_natural_language"],
                "image": str(path.resolve()),
                "box": box,
            }
            for row in items[item]
        ]
    require_complete("crops", product(items, range(count)), found, allow_missing)
    begin(out_dir, manifest)
    write_lines(out_dir / REQUESTS, lines)
    finish(out_dir, manifest, REQUESTS)
    return len(lines)


def _box(image: np.ndarray, place: int) -> list[int]:
    """Return [x0, y0, x1, y1] of an image in its grid; place 0 is the top left, or all there is."""
    height, width = image.shape[:2]
    left, top = place % GRID * width, place // GRID * height
    return [left, top, left + width, top + height]
