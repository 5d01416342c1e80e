"""The prompt files of conditioned drawing: `prompts.jsonl`, and the prompts' images beside it.

    {"id": "00012", "benchmark": "editing", "kind": "recolour", "column": "seen",
     "prompt": "<image> show the dog in red", "images": ["00012-0.png"],
     "source": [object, …], "target": [object, …]}

An object is [name, colour, place], the colour null for natural ones. `source` is what the last of
the prompt's images shows, `target` what the drawn one must show, and no more; `00012-target.png`
shows it.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.images import read_image, write_image
from benchmarks.prompt_files import COLUMNS
from benchmarks.protocol import Request
from benchmarks.records import index_by, read_lines, write_lines
from datamodules.world import Scene, World
from datamodules.world.picture_benchmarks import BENCHMARK_KINDS, benchmark_prompts
from datamodules.world.picture_prompts import PicturePrompt

PROMPTS = "prompts.jsonl"
IMAGES = "images"
FIELDS = ("id", "benchmark", "kind", "prompt", "images", "source", "target")

Object = tuple[str, str | None, str]
"""Name, colour and place."""


def write_benchmark(world: World, benchmark: str, per_kind: int, folder: Path) -> None:
    """Write up to `per_kind` prompts of each kind of a benchmark, in each column."""
    kinds = BENCHMARK_KINDS[benchmark]
    prompts = (
        ({"column": column}, prompt)
        for column in COLUMNS
        for prompt in benchmark_prompts(world, kinds, per_kind, column)
    )
    write_prompts(world, benchmark, prompts, folder)


def write_prompts(
    world: World,
    benchmark: str,
    prompts: Iterable[tuple[Mapping[str, Any], PicturePrompt]],
    folder: Path,
) -> None:
    """Write prompts with their images, each with what else its record holds: its column, say."""
    records = []
    for number, (about, prompt) in enumerate(prompts):
        name = f"{number:05d}"
        images = [f"{name}-{place}.png" for place in range(len(prompt.pictures))]
        for image, scene in zip(images, prompt.pictures, strict=True):
            write_image(folder / IMAGES / image, world.render(scene))
        write_image(folder / IMAGES / target_name(name), world.render(prompt.target))
        records.append(
            {
                "id": name,
                "benchmark": benchmark,
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


def target_name(identifier: str) -> str:
    """Return the file of an image that shows what a prompt asks for."""
    return f"{identifier}-target.png"


def image_name(record: Mapping[str, Any]) -> str:
    """Return the file of the image that a model draws for a record."""
    return f"{record['id']}.png"
