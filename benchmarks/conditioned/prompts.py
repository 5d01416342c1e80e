"""The prompt files of conditioned drawing: `prompts.jsonl`, and the prompts' images beside it.

    {"id": "00012", "kind": "recolour", "column": "seen", "prompt": "<image> show the dog in red",
     "images": ["00012-0.png"], "source": [object, …], "target": [object, …]}

An object is [name, colour, place], the colour null for natural ones. `source` is what the last of
the prompt's images shows, `target` what the drawn one must show, and no more.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.images import read_image, write_image
from benchmarks.protocol import Request
from benchmarks.records import index_by, read_lines, write_lines
from datamodules.world import Scene, World
from datamodules.world.picture_prompts import PicturePrompt

PROMPTS = "prompts.jsonl"
IMAGES = "images"
FIELDS = ("id", "kind", "prompt", "images", "source", "target")

Object = tuple[str, str | None, str]
"""Name, colour and place."""


def write_prompts(
    world: World, prompts: Iterable[tuple[Mapping[str, Any], PicturePrompt]], folder: Path
) -> None:
    """Write prompts with their images, each with what else its record holds: its column, say."""
    records = []
    for number, (about, prompt) in enumerate(prompts):
        name = f"{number:05d}"
        images = [f"{name}-{place}.png" for place in range(len(prompt.pictures))]
        for image, scene in zip(images, prompt.pictures, strict=True):
            write_image(folder / IMAGES / image, world.render(scene))
        records.append(
            {
                "id": name,
                "kind": prompt.kind,
                "prompt": prompt.text(paraphrased=about.get("column") == "paraphrase"),
                "images": images,
                "source": objects_of(prompt.pictures[-1]),
                "target": objects_of(prompt.target),
                **about,
            }
        )
    write_lines(folder / PROMPTS, records)


def objects_of(scene: Scene) -> list[Object]:
    """Return the objects of a scene."""
    return [(one.name, one.colour, one.place) for one in scene.placed]


def read_prompts(path: Path) -> dict[str, Mapping[str, Any]]:
    """Return the records by id; ValueError names a line without a field, or a second id."""
    return dict(index_by(read_lines(path, *FIELDS), "id"))


def request(record: Mapping[str, Any], folder: Path, seed: int) -> Request:
    """Return what the model is asked for; OSError names an image that is missing or damaged."""
    images = tuple(read_image(folder / IMAGES / name) for name in record["images"])
    return Request(record["prompt"], images, seed)


def image_name(record: Mapping[str, Any]) -> str:
    """Return the file of the image that a model draws for a record."""
    return f"{record['id']}.png"
