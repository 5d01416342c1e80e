"""The meta file, and images in the official layout: `<category>/<id>.<ext>`."""

import json
from collections.abc import Mapping
from pathlib import Path

from benchmarks.drawing import draw_texts
from benchmarks.images import BATCH
from benchmarks.protocol import Model
from benchmarks.records import read_json

IMAGE_KINDS = {".bmp", ".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp"}
PART = 64
"""Images decoded at a time, which stay with one process."""
NAMED = 5
"""How many images an error names."""


def image_name(category: str, identifier: str) -> str:
    """Return the path that a generated image gets."""
    return f"{category}/{identifier}.png"


def read_meta(path: Path) -> dict[str, dict[str, str]]:
    """Return {id: {"category", "prompt"}} of a meta file; ValueError names an entry that is not so
    or an id that stands there twice.
    """
    meta = read_json(path)
    if not isinstance(meta, dict) or not meta:
        raise ValueError(f"{path} must map ids to category and prompt, got {str(meta)[:60]}.")
    for name, entry in meta.items():
        if not isinstance(entry, dict) or not {"category", "prompt"} <= entry.keys():
            raise ValueError(f"{path} must give {name!r} a category and a prompt, got {entry!r}.")
    named = len(json.loads(path.read_text(), object_pairs_hook=list))
    if named != len(meta):
        raise ValueError(f"{path} must name each id once, got {named - len(meta)} again.")
    return meta


def generate(model: Model, prompts_path: Path, out_dir: Path, at_once: int = BATCH) -> None:
    """Draw one image a prompt of the meta file; its seed is the prompt's running number."""
    prompts = read_meta(prompts_path)
    texts = {
        image_name(entry["category"], identifier): entry["prompt"]
        for identifier, entry in prompts.items()
    }
    draw_texts(model, prompts_path, texts, out_dir, at_once, run=PART)


def find_images(folder: Path, meta: Mapping[str, Mapping[str, str]]) -> dict[str, Path]:
    """Return the image of each id, from `<category>/<id>.<ext>` or `<id>.<ext>`.

    ValueError for an image of no id, in another category's folder, or the second of an id.
    """
    found: dict[str, Path] = {}
    extra: list[str] = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in IMAGE_KINDS or path.name.startswith("."):
            continue
        name, place = path.stem, path.parent.relative_to(folder).as_posix()
        if name not in meta or place not in (".", meta[name]["category"]):
            extra.append(path.relative_to(folder).as_posix())
        elif name in found:
            raise ValueError(f"{folder} must hold one image an id, got {found[name]} and {path}.")
        else:
            found[name] = path
    if extra:
        listed = ", ".join(extra[:NAMED])
        raise ValueError(
            f"images must belong to the prompts, in the folder of their category, "
            f"got {len(extra)} that do not: {listed}{', ...' if len(extra) > NAMED else ''}."
        )
    return found
