"""The embedded world's benchmarks, written in the official file forms.

A folder of prompts holds one folder a benchmark and `world.json`, the configuration of the world
that they are about.
"""

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import dpg, mjhq_fid
from benchmarks.images import batched, write_image
from benchmarks.judges import FeatureJudge
from benchmarks.judges.world import world_label
from benchmarks.records import read_json, read_lines, write_json, write_lines
from benchmarks.vqa import exact_match
from datamodules.world import World, WorldConfig
from datamodules.world.prompts import (
    caption_prompts,
    dpg_prompts,
    geneval_prompts,
    official_geneval_records,
    vqa_questions,
    wise_prompts,
)

COLUMNS = ("seen", "paraphrase", "unseen")
OFFICIAL = "official"
PROMPT_FILES = {
    "geneval": "geneval/evaluation_metadata.jsonl",
    "dpg": "dpg/dpg_bench.csv",
    "wise": "wise/wise.json",
    "mjhq_fid": "mjhq_fid/meta_data.json",
    "vqa": f"vqa/{exact_match.QUESTIONS}",
}
ANNOTATIONS = "vqa/annotations.json"
WORLD = "world.json"


@dataclass(frozen=True, kw_only=True)
class PromptConfig:
    """How many prompts each benchmark has."""

    geneval_per_tag: int = 40
    """Prompts of a tag in each column."""
    dpg_items: int = 100
    mjhq_images: int = 2560
    vqa_per_kind: int = 80
    """Questions of a kind in each column."""

    def __post_init__(self) -> None:
        for entry in fields(self):
            if (value := getattr(self, entry.name)) < 1:
                raise ValueError(f"prompts.{entry.name} must be at least 1, got {value}.")


def write_prompts(
    world: World, config: PromptConfig, folder: Path, official: Path | None = None
) -> None:
    """Write the prompt files of all five benchmarks, and the images that questions are about.

    `official` is GenEval's own metadata file; what this world can show of it is a further column.
    """
    records = [
        record
        for column in COLUMNS
        for record in geneval_prompts(world, config.geneval_per_tag, column)
    ]
    if official:
        chosen = official_geneval_records(world, read_lines(official))
        records += [{**record, "column": OFFICIAL} for record in chosen]
    write_lines(folder / PROMPT_FILES["geneval"], records)
    dpg.write_questions(folder / PROMPT_FILES["dpg"], _dpg_rows(world, config.dpg_items))
    write_json(folder / PROMPT_FILES["wise"], wise_prompts(world))
    captions = caption_prompts(world, config.mjhq_images)
    meta = {str(row["id"]): {key: row[key] for key in ("category", "prompt")} for row in captions}
    write_json(folder / PROMPT_FILES["mjhq_fid"], meta)
    _write_questions(world, config.vqa_per_kind, folder)
    write_json(folder / WORLD, asdict(world.config))


def read_world(folder: Path) -> World:
    """Return the world that a folder of prompts is about."""
    return World(WorldConfig(**read_json(folder / WORLD)))


def write_references(world: World, config: PromptConfig, folder: Path, judge: FeatureJudge) -> None:
    """Write the features of the real images of MJHQ's captions, and of as many other ones."""
    count = config.mjhq_images
    captions = caption_prompts(world, 2 * count)
    mjhq_folder = (folder / PROMPT_FILES["mjhq_fid"]).parent
    for name, rows in (
        (mjhq_fid.REFERENCE, captions[:count]),
        (mjhq_fid.AGAIN, captions[count:]),
    ):
        features = np.concatenate(
            [
                judge.features([world.render(world.scene("test", row["scene"])) for row in chunk])
                for chunk in batched(rows, 256)
            ]
        )
        mjhq_fid.write_features(mjhq_folder / name, [str(row["id"]) for row in rows], features)


def _dpg_rows(world: World, items: int) -> list[dict[str, object]]:
    """Return one row a question, under the names of the official columns."""
    return [
        {
            "item_id": item["item_id"],
            "text": item["text"],
            "question_natural_language": question["question"],
            **{key: value for key, value in question.items() if key != "question"},
        }
        for item in dpg_prompts(world, items)
        for question in item["questions"]
    ]


def _write_questions(world: World, per_kind: int, folder: Path) -> None:
    """Write questions and annotations in VQAv2's form, and the images beside them."""
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
