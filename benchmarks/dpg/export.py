"""DPG's questions as a file that a judge in another environment answers (mPLUG in modelscope's,
say).
"""

from pathlib import Path

from benchmarks.dpg.grids import GRID, find_files
from benchmarks.dpg.questions import read_questions
from benchmarks.images import read_image
from benchmarks.records import write_lines

REQUESTS = "requests.jsonl"


def export(images_dir: Path, questions_path: Path, out_dir: Path, images_per_prompt: int) -> int:
    """Write one line a question of an image that is there, and return how many.

    A line has what a record has but the `answer`, and beside it the `question`, the `image`'s path
    and the `box` of it [x0, y0, x1, y1] to look at. With an `answer` added, the lines are records.
    """
    items = read_questions(questions_path)
    files = find_files(images_dir, items, images_per_prompt)
    shared: dict[Path, int] = {}
    for path in files.values():
        shared[path] = shared.get(path, 0) + 1
    lines = []
    for (item, crop), path in files.items():
        height, width = read_image(path).shape[:2]
        if shared[path] > 1:
            height, width = height // GRID, width // GRID
        left, top = (crop % GRID * width, crop // GRID * height) if shared[path] > 1 else (0, 0)
        for row in items[item]:
            lines.append(
                {
                    "item_id": item,
                    "crop": crop,
                    "proposition_id": row["proposition_id"],
                    "question": row["question_natural_language"],
                    "image": str(path.resolve()),
                    "box": [left, top, left + width, top + height],
                }
            )
    write_lines(out_dir / REQUESTS, lines)
    return len(lines)
