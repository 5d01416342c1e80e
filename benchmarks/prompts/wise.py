"""WISE's prompts on the world: one a fact that training does not draw itself."""

from pathlib import Path

from benchmarks.prompt_files import PROMPT_FILES
from benchmarks.records import write_json
from datamodules.world import World
from datamodules.world.prompts import wise_prompts


def write(world: World, folder: Path) -> None:
    """Write the records in the official form."""
    write_json(folder / PROMPT_FILES["wise"], wise_prompts(world))
