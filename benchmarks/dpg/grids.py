"""DPG's images: one 2x2 grid a prompt, or a file an image, named by the prompt's id."""

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.images import read_image

CROPS = 4
GRID = 2
"""Images on a side of the grid."""
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp")

Crop = tuple[str, int]
"""Item, and number of the image: top left, top right, bottom left, bottom right."""


def find_files(folder: Path, items: Collection[str], crops: int = CROPS) -> dict[Crop, Path]:
    """Return the file of each image: that of its grid, or its own `<item>_<number>`.

    As in the official code, the item is what stands before the first dot. ValueError for an image
    of no item, and for two files of one image.
    """
    found: dict[Crop, Path] = {}
    for path in sorted(folder.iterdir() if folder.is_dir() else []):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):  # being written
            continue
        shown = _shown(path.name.split(".")[0], items, crops)
        if not shown:
            raise ValueError(f"{path} must be an image of one of {len(items)} items, got another.")
        for crop in shown:
            if crop in found:
                raise ValueError(
                    f"{crop[0]} must have one file for image {crop[1]}, "
                    f"got {found[crop].name} and {path.name}."
                )
            found[crop] = path
    return found


def _shown(stem: str, items: Collection[str], crops: int) -> list[Crop]:
    """Return the images that the file of that stem holds."""
    if stem in items:
        return [(stem, number) for number in range(crops)]
    item, _, number = stem.rpartition("_")
    alone = item in items and number.isdigit() and int(number) < crops
    return [(item, int(number))] if alone else []


def read_files(
    files: dict[Crop, Path], items: Iterable[str], crops: int
) -> Iterator[tuple[str, int, np.ndarray]]:
    """Yield item, number and image of those files that can be read, item by item."""
    for item in items:
        wanted = [(item, number) for number in range(crops) if (item, number) in files]
        is_grid = len(wanted) > 1 and len({files[crop] for crop in wanted}) == 1
        try:
            if is_grid:
                yield from ((item, n, image) for n, image in enumerate(quarters(files[wanted[0]])))
            else:
                yield from ((*crop, read_image(files[crop])) for crop in wanted)
        except OSError:  # damaged: `require_complete` counts and names it
            continue


def quarters(path: Path) -> list[np.ndarray]:
    """Return the four images of a 2x2 grid; ValueError if its sides cannot be halved."""
    grid = read_image(path)
    if grid.shape[0] % GRID or grid.shape[1] % GRID:
        sides = f"{grid.shape[1]} x {grid.shape[0]}"
        raise ValueError(f"{path} must be a grid of two by two like images, got {sides} pixels.")
    height, width = grid.shape[0] // GRID, grid.shape[1] // GRID
    return [
        grid[top : top + height, left : left + width] for top in (0, height) for left in (0, width)
    ]


def join(images: list[np.ndarray]) -> np.ndarray:
    """Return one image as it is, or four of one size as a grid."""
    if len(images) == 1:
        return images[0]
    return np.vstack([np.hstack(images[:GRID]), np.hstack(images[GRID:])])
