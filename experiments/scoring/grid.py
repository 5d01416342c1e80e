"""One picture of many drawings: how a cell draws the same prompts as it learns."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.geneval.layout import image_names
from benchmarks.images import read_image, write_image

COLUMNS, ROWS = 6, 4
GAP = 2
"""White pixels between the drawings."""


def write_grid(folder: Path, prompts: int, path: Path) -> None:
    """Writes the first drawings of COLUMNS x ROWS prompts, spread evenly over those of `folder`.

    `folder` holds GenEval's layout with one image a prompt. The prompts are a matter of their
    number alone, so the grids of every token count show the same ones.
    """
    cells = min(prompts, COLUMNS * ROWS)
    names = image_names(prompts, images_per_prompt=1)
    chosen = [names[number * prompts // cells] for number in range(cells)]
    write_image(path, grid([read_image(folder / name) for name in chosen]))


def grid(images: Sequence[np.ndarray]) -> np.ndarray:
    """uint8 images `[h w 3]` of one size, COLUMNS a row, on white."""
    height, width = (side + GAP for side in images[0].shape[:2])
    rows = -(-len(images) // COLUMNS)
    canvas = np.full((rows * height - GAP, COLUMNS * width - GAP, 3), 255, np.uint8)
    for number, image in enumerate(images):
        top, left = number // COLUMNS * height, number % COLUMNS * width
        canvas[top : top + height - GAP, left : left + width - GAP] = image
    return canvas
