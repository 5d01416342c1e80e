"""GenEval's folders: `<prompt>/metadata.jsonl` and `<prompt>/samples/<image>.png`, named by digits.

The width of the digits is free, as in the official code; what is not named by digits is not read.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.geneval.prompts import Record
from benchmarks.records import read_lines, write_lines

METADATA = "metadata.jsonl"
PROMPTS = "evaluation_metadata.jsonl"
IMAGE = re.compile(r"(?:.*/)?(\d+)/samples/(\d+)\.png")
"""The path of an image; groups: folder and file number."""
Slot = tuple[int, int]
"""Number of the prompt, and of the image among the prompt's."""


def slot_name(slot: Slot) -> str:
    """Return the path of an image as this project writes it."""
    return f"{slot[0]:05d}/samples/{slot[1]:04d}.png"


def image_names(prompts: int, images_per_prompt: int) -> list[str]:
    """Return the paths of all images, prompt by prompt."""
    return [
        slot_name((prompt, image))
        for prompt in range(prompts)
        for image in range(images_per_prompt)
    ]


def prompt_folders(folder: Path) -> list[Path]:
    """Return the folders named by digits, in order; ValueError if there is none."""
    found = [path for path in folder.iterdir() if path.is_dir() and path.name.isdigit()]
    if not found:
        raise ValueError(f"{folder} must hold folders 00000, 00001, ..., got none.")
    return sorted(found, key=lambda path: int(path.name))


def collect_prompts(images_dir: Path, path: Path) -> None:
    """Write the metadata of all folders of images as one prompt file.

    ValueError if the folders do not count up from 0.
    """
    folders = prompt_folders(images_dir)
    if gap := [place for place, one in enumerate(folders) if int(one.name) != place]:
        raise ValueError(
            f"{images_dir} must hold one folder a prompt from 00000 on, got {folders[gap[0]].name} "
            f"in place {gap[0]}; pass --prompts for a part."
        )
    write_lines(path, [read_lines(folder / METADATA, "tag", "include")[0] for folder in folders])


def find_images(folder: Path, prompts: Sequence[Record]) -> list[tuple[int, str]]:
    """Return the number of the prompt and the path of every image in `folder`.

    ValueError for the folder of a prompt that does not exist, or whose metadata is another's.
    """
    found: list[tuple[int, str]] = []
    for place in prompt_folders(folder):
        number = int(place.name)
        if number >= len(prompts):
            raise ValueError(
                f"{place} must belong to one of {len(prompts)} prompts, got number {number}."
            )
        _require_metadata(place, prompts[number])
        samples = place / "samples"
        names = [one.name for one in samples.iterdir()] if samples.is_dir() else []
        images = sorted(name for name in names if re.fullmatch(r"\d+\.png", name))
        found += [(number, f"{place.name}/samples/{name}") for name in images]
    return found


def _require_metadata(place: Path, prompt: Record) -> None:
    path = place / METADATA
    if path.exists():
        stated = read_lines(path, "tag", "include")[0]
        for key in ("tag", "include", "exclude"):
            if stated.get(key) != prompt.get(key):
                raise ValueError(f"{path} must be that of its prompt, got another {key!r}.")


def slots(found: Iterable[tuple[int, str]], images_per_prompt: int) -> dict[Slot, str]:
    """Return the paths by prompt and number among the prompt's images.

    A file's number is its slot where all of the prompt's are in range, otherwise its rank.
    ValueError for a prompt with more than `images_per_prompt`.
    """
    by_prompt: dict[int, list[str]] = defaultdict(list)
    for prompt, name in found:
        by_prompt[prompt].append(name)
    placed: dict[Slot, str] = {}
    for prompt, names in by_prompt.items():
        if len(names) > images_per_prompt:
            raise ValueError(
                f"prompt {prompt} must have {images_per_prompt} images "
                f"(or pass --images-per-prompt), got {len(names)}."
            )
        numbers = [_number(name) for name in names]
        in_range = all(number < images_per_prompt for number in numbers)
        ranks = numbers if in_range and len(set(numbers)) == len(numbers) else range(len(names))
        placed.update({(prompt, rank): name for rank, name in zip(ranks, names, strict=True)})
    return placed


def _number(name: str) -> int:
    match = IMAGE.fullmatch(name)
    return int(match[2]) if match else 0


def prompt_number(record: Mapping[str, Any], prompts: Sequence[Record]) -> int | None:
    """Return the number in the path of a record's image, if there is such a prompt."""
    match = IMAGE.fullmatch(str(record["filename"]))
    return int(match[1]) if match and int(match[1]) < len(prompts) else None
