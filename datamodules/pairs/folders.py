"""Images as files, and one file beside them that says what belongs to each.

llava      a JSON list, or lines, of {"image": file, "conversations": [...]}; image may be absent
mjhq       one JSON mapping {id: {"category", "prompt"}}; images are <category>/<id>.<ext>
journeydb  JSON lines of {"img_path": file, "prompt", "Task2": {"Caption"}}: the caption where
           there is one, as it tells what is in the picture, else the prompt
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from datamodules.pairs.fields import TALK_FIELD, checked, conversation, mentions_image
from datamodules.pairs.samples import BrokenSampleError, Sample, decoded, file_below

EXTENSIONS = (".jpg", ".png", ".jpeg", ".webp")
Entry = Mapping[str, Any]


class FolderSource:
    """The entries of `listing` in their order; images lie below `images`."""

    def __init__(
        self, listing: Path, images: Path, entry_sample: Callable[[str, Path, Entry], Sample]
    ) -> None:
        self.listing, self.images, self.entry_sample = listing, images, entry_sample
        self.entries = read_entries(listing)

    def __len__(self) -> int:
        return len(self.entries)

    def name(self, index: int) -> str:
        entry = self.entries[index]
        known = (entry.get(key) for key in ("id", "image", "img_path"))
        return f"{self.listing.name}/{next((one for one in known if one is not None), index)}"

    def read(self, index: int) -> Sample:
        return self.entry_sample(self.name(index), self.images, self.entries[index])


def read_entries(listing: Path) -> Sequence[Entry]:
    """The mappings that a JSON file or a file of JSON lines holds; those of a mapping with their
    key as `id`. ValueError where it is neither."""
    try:
        text = listing.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{listing} must be text in UTF-8, got {error}.") from error
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        lines = enumerate(text.split("\n"), 1)  # a text may hold other marks that end a line
        found = [parsed(listing, number, line) for number, line in lines if line.strip()]
    if isinstance(found, dict) and all(isinstance(one, dict) for one in found.values()):
        found = [{**one, "id": key} for key, one in found.items()]
    elif isinstance(found, dict):
        found = [found]  # a file of one line
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise ValueError(f"{listing} must hold mappings, got {text[:60]!r}.")
    return found


def parsed(listing: Path, number: int, line: str) -> Any:
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise ValueError(f"{listing} line {number} must be JSON, got {line[:60]!r}.") from error


def llava_sample(name: str, images: Path, entry: Entry) -> Sample:
    """An image, or none, and the turns about it."""
    if TALK_FIELD not in entry:
        raise BrokenSampleError("a sample must have conversations, got none.")
    turns, image = conversation(entry[TALK_FIELD]), entry.get("image")
    shown = image is not None or mentions_image(entry[TALK_FIELD])
    pixels = decoded(None if image is None else file_below(images, image)) if shown else None
    return checked(name, pixels, "", turns)


def mjhq_sample(name: str, images: Path, entry: Entry) -> Sample:
    """The image of an id in the folder of its category, and its prompt."""
    folder, identifier = images / str(entry.get("category")), entry.get("id")
    found = (folder / f"{identifier}{extension}" for extension in EXTENSIONS)
    path = next((one for one in found if one.exists()), folder / f"{identifier}{EXTENSIONS[0]}")
    return checked(name, decoded(path), entry.get("prompt"), ())


def journeydb_sample(name: str, images: Path, entry: Entry) -> Sample:
    if "img_path" not in entry:
        raise BrokenSampleError("a sample must have an image, got no img_path.")
    task = entry.get("Task2") or {}
    if not isinstance(task, Mapping):
        raise BrokenSampleError(f"Task2 must be a mapping, got {task!r}.")
    told = task.get("Caption") or entry.get("prompt")
    return checked(name, decoded(file_below(images, entry["img_path"])), told, ())


ENTRY_SAMPLES = {"llava": llava_sample, "mjhq": mjhq_sample, "journeydb": journeydb_sample}
