"""Images by the name of what they were drawn for: drawn where they lack, found with any suffix.

A name is the path of a file below a folder, without its suffix: `dog/03-1`.
"""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.images import BATCH, batched, draw, write_image
from benchmarks.mjhq_fid.folder import IMAGE_KINDS, NAMED
from benchmarks.progress import begin, finish, is_finished
from benchmarks.protocol import Model, Request
from benchmarks.sharding import current

KIND = ".png"
"""What is written."""


def draw_named(
    model: Model,
    manifest: Mapping[str, Any],
    requests: Mapping[str, Callable[[], Request]],
    out_dir: Path,
    at_once: int = BATCH,
) -> None:
    """Draw each request into a file of its name, and write the manifest; what is drawn stays.

    A request is made when it is drawn, so that its pictures need not be in memory before. Of
    several processes, each draws its own. ValueError if the folder holds another step's images.
    """
    files = {name: f"{name}{KIND}" for name in requests}
    if is_finished(out_dir, manifest, *files.values()):
        return
    begin(out_dir, manifest)
    lacking = [
        name
        for number, (name, file) in enumerate(files.items())
        if current().has(number) and not (out_dir / file).exists()
    ]
    for names in batched(lacking, at_once):
        images = draw(model, [requests[name]() for name in names])
        for name, image in zip(names, images, strict=True):
            write_image(out_dir / files[name], image)
    finish(out_dir, manifest, *files.values())


def find_named(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """Return the file of each name, whatever its suffix; `.png` where there is none.

    ValueError for a second image of a name, and for one beside them that has none of the names.
    """
    files = dict.fromkeys(names, "")
    odd = []
    for place in sorted({(folder / name).parent for name in files}):
        for path in sorted(place.glob("*")):
            name = path.relative_to(folder).with_suffix("").as_posix()
            if path.suffix.lower() not in IMAGE_KINDS or path.name.startswith("."):
                continue
            if name not in files:
                odd.append(path.relative_to(folder).as_posix())
            elif files[name]:
                raise ValueError(f"{place} must hold one image a name, got two of {path.stem}.")
            else:
                files[name] = f"{name}{path.suffix}"
    if odd:
        listed = ", ".join(odd[:NAMED]) + (", ..." if len(odd) > NAMED else "")
        raise ValueError(f"images must belong to the prompts, got {len(odd)} more: {listed}.")
    return {name: file or f"{name}{KIND}" for name, file in files.items()}
