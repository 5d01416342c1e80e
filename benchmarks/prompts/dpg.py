"""DPG's prompts on the world, with their questions."""

from pathlib import Path

from benchmarks import dpg
from benchmarks.prompt_files import PROMPT_FILES
from datamodules.world import World
from datamodules.world.prompts import dpg_prompts


def write(world: World, items: int, folder: Path) -> None:
    """Write one row a question, under the names of the official columns."""
    rows = [
        {
            "item_id": item["item_id"],
            "text": item["text"],
            "question_natural_language": question["question"],
            **{key: value for key, value in question.items() if key != "question"},
        }
        for item in dpg_prompts(world, items)
        for question in item["questions"]
    ]
    dpg.write_questions(folder / PROMPT_FILES["dpg"], rows)
