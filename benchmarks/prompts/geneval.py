"""GenEval's prompts on the world, one column after the other."""

from pathlib import Path

from benchmarks.prompt_files import COLUMNS, PROMPT_FILES
from benchmarks.records import read_lines, write_lines
from datamodules.world import World
from datamodules.world.prompts import geneval_prompts, official_geneval_records

OFFICIAL = "official"


def write(world: World, per_tag: int, folder: Path, official: Path | None = None) -> None:
    """Write up to `per_tag` prompts a tag and column.

    `official` is GenEval's own metadata file; what this world can show of it is a further column.
    """
    records = [record for column in COLUMNS for record in geneval_prompts(world, per_tag, column)]
    if official:
        chosen = official_geneval_records(world, read_lines(official, "tag", "include", "prompt"))
        records += [{**record, "column": OFFICIAL} for record in chosen]
    write_lines(folder / PROMPT_FILES["geneval"], records)
