"""Visual questions scored by exact match, in VQAv2's file forms.

`generate` writes the records itself: an answer needs no judge.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.images import BATCH, batched, read_image
from benchmarks.protocol import Model, Request
from benchmarks.records import (
    RECORDS,
    index_by,
    read_json,
    read_lines,
    read_manifest,
    require_complete,
    write_generated,
    write_lines,
)
from benchmarks.results import Item, Results, summarise

QUESTIONS = "questions.json"
"""The questions, beside their annotations."""
IMAGES = "images"
"""Folder beside the questions file; an image is `<image_id>.png`."""


def generate(model: Model, prompts_path: Path, out_dir: Path) -> None:
    """Ask the model each question of a questions file about its image, one at a time.

    OSError names an image that is missing or damaged.
    """
    questions = read_json(prompts_path)["questions"]
    answers: list[str] = []
    for requests in batched(_requests(questions, prompts_path.parent / IMAGES), BATCH):
        answers += model.answer(requests)
    records = [
        {"question_id": question["question_id"], "answer": answer}
        for question, answer in zip(questions, answers, strict=True)
    ]
    write_lines(out_dir / RECORDS, records)
    write_generated(out_dir, prompts_path, model.protocol, seeds="running number of the question")


def _requests(questions: list[Mapping[str, Any]], folder: Path) -> Iterator[Request]:
    for number, question in enumerate(questions):
        image = read_image(folder / f"{question['image_id']}.png")
        yield Request(question["question"], (image,), seed=number)


def score(records_path: Path, prompts_path: Path, allow_missing: bool = False) -> Results:
    """Return the share of exact matches with the annotations, by question type, clustered by image.

    `prompts_path` is the annotations file; its `data_subtype` names the set. An annotation may
    carry a `column`, by which the scores are then split as well.
    """
    document = read_json(prompts_path)
    annotations = index_by(document["annotations"], "question_id")
    records = index_by(read_lines(records_path, "question_id", "answer"), "question_id")
    readable = {
        name: row["answer"] for name, row in records.items() if isinstance(row["answer"], str)
    }
    missing = require_complete("answers", annotations, readable, allow_missing)
    items = [
        Item(
            name=str(name),
            cluster=str(row["image_id"]),
            stratum=row["question_type"],
            column=row.get("column"),
            value=float(readable[name].strip() == row["multiple_choice_answer"]),
            detail={"answer": readable[name], "expected": row["multiple_choice_answer"]},
        )
        for name, row in annotations.items()
        if name in readable
    ]
    manifest = read_manifest(records_path.parent, prompts_path.parent / QUESTIONS)
    return Results(
        benchmark="vqa",
        protocol={**manifest, "missing": missing, "rule": "exact match"},
        n_expected=len(annotations),
        n_scored=len(items),
        metrics=summarise("vqa", document["data_subtype"], items),
        items=items,
    )
