"""MJHQ's captions on the world, and the features of the real images to compare with."""

from pathlib import Path

import numpy as np

from benchmarks import mjhq_fid
from benchmarks.images import batched
from benchmarks.judges import FeatureJudge
from benchmarks.prompt_files import PROMPT_FILES
from benchmarks.records import write_json
from datamodules.world import World
from datamodules.world.prompts import caption_prompts


def write(world: World, images: int, folder: Path) -> None:
    """Write as many captions, by the id of their scene."""
    captions = caption_prompts(world, images)
    meta = {str(row["id"]): {key: row[key] for key in ("category", "prompt")} for row in captions}
    write_json(folder / PROMPT_FILES["mjhq_fid"], meta)


def write_references(world: World, images: int, folder: Path, judge: FeatureJudge) -> None:
    """Write the features of the captions' real images, and of as many other real ones."""
    captions = caption_prompts(world, 2 * images)
    beside = (folder / PROMPT_FILES["mjhq_fid"]).parent
    for name, rows in (
        (mjhq_fid.REFERENCE, captions[:images]),
        (mjhq_fid.AGAIN, captions[images:]),
    ):
        features = np.concatenate(
            [
                judge.features([world.render(world.scene("test", row["scene"])) for row in chunk])
                for chunk in batched(rows, 256)
            ]
        )
        mjhq_fid.write_features(beside / name, [str(row["id"]) for row in rows], features)
