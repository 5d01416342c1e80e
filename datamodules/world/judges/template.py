"""The template judge: the world's own sprites, slid over the image; nothing is learnt.

An image less its ground is compared with each sprite less that ground by
`2 <J, T> / (|J|² + |T|²)`, which is 1 for a perfect match only and 0 where the two have nothing in
common. The sums run over the sprite and a rim of one pixel, so that a sprite inside a larger patch
of its colour does not match. First all pictures in all colours at half the resolution, then, where
one fits, the best few pictures in all sizes, turns and colours, pixel by pixel.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

import numpy as np
import scipy.ndimage

from datamodules.world.art import sprite, sprite_sides
from datamodules.world.judges.detection import REPORTED_SCORE, Detection, check_images
from datamodules.world.render import GROUNDS
from datamodules.world.scenes import DETAILS
from datamodules.world.world import World

GROUND_TOLERANCE = 20.0
"""Largest difference in any channel, of 255, between a ground and a pixel that shows it."""
LEAST_GROUND = 0.1
"""Part of an image that must show one of the world's grounds; else its median colour is taken."""
LEAST_COARSE = 0.35
"""Coarse similarity from which a place is looked at closely."""
MOST_PLACES = 8
"""Places of an image that are looked at closely."""
ROUNDS = 2
"""How often the whole image is gone through; the last time, only what was hidden is left."""
HYPOTHESES = 6
"""Pictures in a colour that are compared closely at one place."""
RIM_WEIGHT = 3.0
"""What a pixel beside a sprite weighs: it must show the ground, or the shape is another."""
REACH = 2
"""Pixels by which a close look moves a template, in each direction."""
EVEN_SIMILARITY, SHARPNESS = 0.8, 30.0
"""The similarity that scores one half, and the slope of the logistic curve around it."""


@dataclass(frozen=True)
class Bank:
    """Templates in square frames of `side` pixels, d = side²; one is paint - alpha * ground.

    A *look* is a picture in a colour; each comes in every shape, a size and an angle.
    """

    side: int
    paint: np.ndarray  # float32 [looks, shapes, d, 3]
    alpha: np.ndarray  # float32 [looks, shapes, d, 1]
    weight: np.ndarray  # float32 [looks, shapes, d]: of a pixel in the comparison

    def __getitem__(self, looks: np.ndarray) -> "Bank":
        return Bank(self.side, self.paint[looks], self.alpha[looks], self.weight[looks])

    def halved(self) -> "Bank":
        """Return this bank at half its resolution, with every third shape and no strict rim.

        At that resolution a sprite between two places would show in its own rim.
        """
        half = self.side // 2

        def small(values: np.ndarray) -> np.ndarray:
            values = values[:, values.shape[1] // 2 % 3 :: 3]
            grid = values.reshape(*values.shape[:2], half, 2, half, 2, -1)
            return grid.mean((3, 5)).reshape(*values.shape[:2], half * half, -1)

        return Bank(
            half, small(self.paint), small(self.alpha), small(self.weight.clip(max=1))[..., 0]
        )

    def similarity(self, patches: np.ndarray, ground: np.ndarray) -> np.ndarray:
        """Return [p, looks, shapes] in [-1, 1] for patches [p, d, 3] that are free of `ground`."""
        templates = (self.paint - self.alpha * ground).reshape(-1, 3 * self.side**2)
        shared = patches.reshape(len(patches), -1) @ templates.T
        energy = np.square(patches).sum(-1) @ self.weight.reshape(len(templates), -1).T
        energy += np.square(templates).sum(-1)
        return (2 * shared / np.maximum(energy, 1e-6)).reshape(-1, *self.paint.shape[:2])


class Match(NamedTuple):
    """How well a template fits, which one it is, and the corner of its frame in the canvas."""

    similarity: float
    look: int
    shape: int
    top: int
    left: int


class TemplateJudge:
    """Finds the sprites of `world` by matched filtering."""

    name = "template"

    def __init__(self, world: World) -> None:
        self.world = world
        detail, cell = DETAILS[world.config.detail], world.config.pixels // 2
        self.looks = [
            (entry.name, code, colour)
            for entry in world.objects
            for code in entry.pictures[: detail.pictures]
            for colour in (*world.colours, None)
        ]
        sizes = [size * cell // 16 for size in range(detail.sizes[0], detail.sizes[1] + 1)]
        self.shapes = list(product(detail.angles, sizes))
        self.side = (max(sizes) + 3) // 2 * 2
        self.margin = self.side // 3 // 2 * 2 + REACH
        self.fine = self._bank()
        self.coarse = self.fine.halved()

    def _bank(self) -> Bank:
        shape = (len(self.looks), len(self.shapes), self.side, self.side)
        paint = np.zeros((*shape, 3), dtype=np.float32)
        alpha = np.zeros((*shape, 1), dtype=np.float32)
        for look, (_, code, colour) in enumerate(self.looks):
            for index, (angle, size) in enumerate(self.shapes):
                art = sprite(code, colour, size, angle)
                rows, columns = self._extent(look, index)
                paint[look, index, rows, columns] = art.paint / 255
                alpha[look, index, rows, columns] = 1 - art.veil
        flat = (*shape[:2], self.side**2)
        inside = (alpha[..., 0] > 0).astype(np.float32)
        rim = scipy.ndimage.maximum_filter(inside, size=3, axes=(-2, -1)) - inside
        weight = (inside + RIM_WEIGHT * rim).reshape(flat)
        return Bank(self.side, paint.reshape(*flat, 3), alpha.reshape(*flat, 1), weight)

    def _extent(self, look: int, shape: int) -> tuple[slice, slice]:
        """Return the rows and columns of its frame that a template fills."""
        angle, size = self.shapes[shape]
        width, height = sprite_sides(self.looks[look][1], size, angle)
        top, left = (self.side - height) // 2, (self.side - width) // 2
        return slice(top, top + height), slice(left, left + width)

    def detect(self, images: np.ndarray) -> list[list[Detection]]:
        """Return the detections of each image, highest score first.

        Raises ValueError unless `images` is uint8 [b, pixels, pixels, 3] of the judge's world.
        """
        check_images(images, self.world.config.pixels)
        return [self._detect(image.astype(np.float32) / 255) for image in images]

    def _detect(self, image: np.ndarray) -> list[Detection]:
        """Find the objects one by one, and take each from the image before the next is sought."""
        ground = ground_of(image)
        canvas = np.pad(image - ground, ((self.margin, self.margin),) * 2 + ((0, 0),))
        kept: list[Detection] = []
        for _ in range(ROUNDS):
            for top, left, looks in self._places(canvas, ground):
                match = self._match(canvas, ground, top, left, looks)
                score = 1 / (1 + np.exp(-SHARPNESS * (match.similarity - EVEN_SIMILARITY)))
                if score > REPORTED_SCORE:
                    kept.append(self._detection(match, float(score)))
                    self._erase(canvas, match)
        return sorted(kept, key=lambda found: -found.score)

    def _erase(self, canvas: np.ndarray, match: Match) -> None:
        """Put the ground where `canvas` shows the sprite."""
        alpha = self.fine.alpha[match.look, match.shape].reshape(self.side, self.side, 1)
        canvas[match.top :, match.left :][: self.side, : self.side] *= alpha == 0

    def _detection(self, match: Match, score: float) -> Detection:
        name, _, colour = self.looks[match.look]
        rows, columns = self._extent(match.look, match.shape)
        top, left = match.top - self.margin, match.left - self.margin
        box = (left + columns.start, top + rows.start, left + columns.stop, top + rows.stop)
        return Detection(name, box, score, colour)

    def _places(
        self, canvas: np.ndarray, ground: np.ndarray
    ) -> Iterator[tuple[int, int, np.ndarray]]:
        """Yield (top, left) of frames in `canvas` worth a close look, and the looks to try."""
        half = canvas.reshape(len(canvas) // 2, 2, len(canvas) // 2, 2, 3).mean((1, 3))
        similar = self.coarse.similarity(patches_of(half, self.coarse.side), ground).max(-1)
        line = len(half) - self.coarse.side + 1
        best = similar.max(-1).reshape(line, line)
        for _ in range(MOST_PLACES):
            row, column = divmod(int(best.argmax()), line)
            if best[row, column] < LEAST_COARSE:
                break
            candidates = similar[row * line + column]
            yield 2 * row, 2 * column, np.argpartition(-candidates, HYPOTHESES)[:HYPOTHESES]
            around = (slice(max(at - REACH, 0), at + REACH + 1) for at in (row, column))
            best[tuple(around)] = 0

    def _match(
        self, canvas: np.ndarray, ground: np.ndarray, top: int, left: int, looks: np.ndarray
    ) -> Match:
        """Return the best match of `looks` near the frame at (top, left)."""
        top, left = max(top - REACH, 0), max(left - REACH, 0)
        reach = self.side + 2 * REACH
        region = canvas[top : top + reach, left : left + reach]
        similar = self.fine[looks].similarity(patches_of(region, self.side), ground)
        patch, look, shape = np.unravel_index(similar.argmax(), similar.shape)
        down, right = divmod(int(patch), region.shape[1] - self.side + 1)
        place = (top + down, left + right)
        return Match(similar[patch, look, shape], int(looks[look]), int(shape), *place)


def ground_of(image: np.ndarray) -> np.ndarray:
    """Return the colour [3] behind the objects of an image float [h, w, 3] in [0, 1]."""
    apart = np.abs(image[:, :, None] - GROUNDS / 255).max(-1)
    shown = (apart < GROUND_TOLERANCE / 255).mean((0, 1))
    if shown.max() < LEAST_GROUND:
        return np.median(image, axis=(0, 1))
    return GROUNDS[shown.argmax()] / 255


def patches_of(image: np.ndarray, side: int) -> np.ndarray:
    """Return every window of an image [h, w, 3] as [p, side², 3], row by row."""
    windows = np.lib.stride_tricks.sliding_window_view(image, (side, side), axis=(0, 1))
    return windows.transpose(0, 1, 3, 4, 2).reshape(-1, side * side, 3)
