"""The embedded world's benchmarks: a folder with the prompts of all five, in the official forms.

It holds one folder a benchmark and `world.json`, the configuration of the world that they are
about.
"""

from dataclasses import asdict, dataclass, fields
from pathlib import Path

from benchmarks.judges import FeatureJudge
from benchmarks.prompt_files import ANNOTATIONS, COLUMNS, PROMPT_FILES, WORLD
from benchmarks.prompts import dpg, geneval, mjhq_fid, vqa, wise
from benchmarks.prompts.geneval import OFFICIAL
from benchmarks.records import read_json, write_json
from datamodules.world import World, WorldConfig

__all__ = [
    "ANNOTATIONS",
    "COLUMNS",
    "OFFICIAL",
    "PROMPT_FILES",
    "PromptConfig",
    "read_world",
    "write_prompts",
    "write_references",
    "write_world",
]


@dataclass(frozen=True, kw_only=True)
class PromptConfig:
    """How many prompts each benchmark has, and whether GenEval's own are among them."""

    geneval_per_tag: int = 40
    """Prompts of a tag in each column."""
    dpg_items: int = 100
    mjhq_images: int = 2560
    vqa_per_kind: int = 80
    """Questions of a kind in each column."""
    official_prompts: str = ""
    """GenEval's own metadata file, seen from the project's root; none by default."""
    official_sha256: str = ""
    """What that file must hash to, so that other contents are another benchmark."""

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, int) and value < 1:
                raise ValueError(f"prompts.{entry.name} must be at least 1, got {value}.")
        if bool(self.official_prompts) != bool(self.official_sha256):
            raise ValueError(
                "prompts.official_sha256 must be given with prompts.official_prompts, "
                f"got {self.official_sha256!r}."
            )


def write_prompts(
    world: World, config: PromptConfig, folder: Path, official: Path | None = None
) -> None:
    """Write the prompt files of all five benchmarks, and the images that questions are about.

    `official` is GenEval's own metadata file; what this world can show of it is a further column.
    """
    geneval.write(world, config.geneval_per_tag, folder, official)
    dpg.write(world, config.dpg_items, folder)
    wise.write(world, folder)
    mjhq_fid.write(world, config.mjhq_images, folder)
    vqa.write(world, config.vqa_per_kind, folder)
    write_world(world, folder)


def write_references(world: World, config: PromptConfig, folder: Path, judge: FeatureJudge) -> None:
    """Write the features of the real images of MJHQ's captions, and of as many other ones."""
    mjhq_fid.write_references(world, config.mjhq_images, folder, judge)


def write_world(world: World, folder: Path) -> None:
    """Write which world the prompts are about."""
    write_json(folder / WORLD, asdict(world.config))


def read_world(folder: Path) -> World:
    """Return the world that a folder of prompts is about."""
    return World(WorldConfig(**read_json(folder / WORLD)))
