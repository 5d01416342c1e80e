"""Questions on the world's pictures in VQAv2's form, with annotations and the pictures."""

from pathlib import Path
from typing import Any

from benchmarks.images import write_image
from benchmarks.prompt_files import ANNOTATIONS, COLUMNS, PROMPT_FILES
from benchmarks.records import write_json
from benchmarks.vqa import exact_match
from benchmarks.world_label import world_label
from datamodules.world import World
from datamodules.world.prompts import vqa_questions


def write(world: World, per_kind: int, folder: Path) -> None:
    """Write up to `per_kind` questions a kind and column."""
    rows = [row for column in COLUMNS for row in vqa_questions(world, per_kind, column)]
    questions = [_question(number, row) for number, row in enumerate(rows)]
    annotations = [_annotation(number, row) for number, row in enumerate(rows)]
    path = folder / PROMPT_FILES["vqa"]
    write_json(path, {"questions": questions})
    subtype = world_label(world.config)
    write_json(folder / ANNOTATIONS, {"data_subtype": subtype, "annotations": annotations})
    for index in dict.fromkeys(row["image_id"] for row in rows):
        image = world.render(world.scene("test", index))
        write_image(path.parent / exact_match.IMAGES / f"{index}.png", image)


def _question(number: int, row: dict[str, Any]) -> dict[str, object]:
    return {"question_id": number, "image_id": row["image_id"], "question": row["question"]}


def _annotation(number: int, row: dict[str, Any]) -> dict[str, object]:
    return {
        "question_id": number,
        "image_id": row["image_id"],
        "question_type": row["kind"],
        "multiple_choice_answer": row["answer"],
        "column": row["column"],
    }
