"""Scene graphs to pixels: sprites from the cache, composed in order on a plain ground."""

from typing import TYPE_CHECKING

import numpy as np

from datamodules.world.art import sprite

if TYPE_CHECKING:
    from datamodules.world.scenes import Scene

GROUNDS = np.array(
    [
        (186, 180, 166),
        (172, 184, 190),
        (196, 176, 178),
        (176, 190, 170),
        (160, 166, 178),
        (204, 196, 176),
        (184, 170, 190),
        (168, 190, 186),
    ],
    dtype=np.float32,
)
"""Pale grounds, none of them near one of the tints."""


def render(scene: "Scene", pixels: int) -> np.ndarray:
    """Return `scene` as uint8 [pixels, pixels, 3]; what leaves the image is cut off."""
    canvas = np.empty((pixels, pixels, 3), dtype=np.float32)
    canvas[:] = GROUNDS[scene.ground]
    for one in scene.placed:
        art = sprite(one.picture, one.colour, one.size, one.angle)
        left, top, right, bottom = one.box
        cut_left, cut_top = max(-left, 0), max(-top, 0)
        height, width = min(bottom, pixels) - top, min(right, pixels) - left
        region = canvas[top + cut_top : bottom, left + cut_left : right]
        region *= art.veil[cut_top:height, cut_left:width]
        region += art.paint[cut_top:height, cut_left:width]
    return (canvas + 0.5).astype(np.uint8)
