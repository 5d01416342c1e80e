"""The images on which the learnt judge practises, and the objects that each one shows.

Scenes come from the tokenizer's split with half of the colours drawn anew, so that the judge knows
the pairs that the world holds out from the models. In some, half of an object is painted over: it
no longer counts. Batches add shifts, spoilt images and images with nothing to find.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Generator, Tensor

from datamodules.world.judges.corruption import PATCH, disturb, empty_images, roughen
from datamodules.world.judges.network import GRID, Objects
from datamodules.world.render import GROUNDS
from datamodules.world.scenes import Placed, Scene
from datamodules.world.world import World

Corrupt = Callable[[np.ndarray], np.ndarray]
"""A round trip through an image tokenizer: uint8 [b, h, w, 3] to the same."""

ABSENT = -1
HALVED = 0.1
"""Part of the scenes in which half of an object is painted over."""
MOSAICS = 0.05
"""Part of the scenes whose image is a noisy mosaic, to learn how the tokenizer draws nonsense."""
RECOLOURED = 0.5
"""Part of the objects whose colour is drawn anew."""
EMPTY = 0.1
"""Part of a batch that shows nothing."""
MOST_SHIFT = 2
"""Largest shift of an image in a batch, in pixels."""
CHUNK = 256


@dataclass(frozen=True)
class Practice:
    """Clean and reconstructed images, uint8 [n, h, w, 3], of the same `objects`."""

    clean: Tensor
    reconstructed: Tensor | None
    objects: Objects

    def batch(self, size: int, generator: Generator) -> tuple[Tensor, Objects]:
        """Return images float [size, 3, h, w] in [0, 1] and their objects.

        In thirds: clean, through the tokenizer (or its stand-in), and through the stand-in.
        """
        rows = torch.randint(len(self.clean), (size,), generator=generator)
        objects = self.objects[rows]
        images = self.clean[rows]
        third = size // 3
        if self.reconstructed is not None:
            images[third : 2 * third] = self.reconstructed[rows[third : 2 * third]]
        images = images.permute(0, 3, 1, 2) / 255
        spoilt = slice(third if self.reconstructed is None else 2 * third, size)
        images[spoilt] = roughen(images[spoilt], generator)
        images, objects = shift(images, objects, generator)
        empty = torch.rand(size, generator=generator) < EMPTY
        images[empty] = empty_images(images[empty], generator)
        names = objects.names.masked_fill(empty[:, None], ABSENT)
        return disturb(images, generator), replace(objects, names=names)


def shift(images: Tensor, objects: Objects, generator: Generator) -> tuple[Tensor, Objects]:
    """Move each image by up to MOST_SHIFT pixels, repeating its edge, and its boxes with it."""
    count, pixels = len(images), images.shape[-1]
    moves = torch.randint(-MOST_SHIFT, MOST_SHIFT + 1, (count, 2), generator=generator)
    columns, rows = (torch.arange(pixels) - moves.T[..., None]).clamp(0, pixels - 1)
    order = torch.arange(count)[:, None, None]
    moved = images.permute(0, 2, 3, 1)[order, rows[:, :, None], columns[:, None, :]]
    boxes = objects.boxes + moves.repeat(1, 2)[:, None] * (GRID / pixels)
    return moved.permute(0, 3, 1, 2), replace(objects, boxes=boxes)


def gather_practice(world: World, count: int, seed: int, corrupt: Corrupt | None) -> Practice:
    """Return `count` scenes of `world`, drawn and passed through `corrupt`; depends on `seed`."""
    random = np.random.default_rng(seed)
    images, rows = [], []
    for index in range(seed * count, (seed + 1) * count):
        scene = recoloured(world.scene("tokenizer", index), world.colours, random)
        image = world.render(scene)
        shown = scene.placed
        if random.random() < HALVED:
            shown = paint_over_half(image, scene, random)
        elif random.random() < MOSAICS:
            image, shown = mosaic(world.config.pixels, random), ()
        images.append(image)
        rows.append(shown)
    clean = np.stack(images)
    reconstructed = None
    if corrupt is not None:
        parts = [corrupt(clean[start : start + CHUNK]) for start in range(0, count, CHUNK)]
        reconstructed = torch.from_numpy(np.concatenate(parts))
    return Practice(torch.from_numpy(clean), reconstructed, objects_of(world, rows))


def recoloured(scene: Scene, colours: tuple[str, ...], random: np.random.Generator) -> Scene:
    """Return `scene` with some of its colours drawn anew, natural as likely as any."""
    options = (*colours, None)
    placed = tuple(
        replace(one, colour=options[random.integers(len(options))])
        if random.random() < RECOLOURED
        else one
        for one in scene.placed
    )
    return replace(scene, placed=placed)


def paint_over_half(
    image: np.ndarray, scene: Scene, random: np.random.Generator
) -> tuple[Placed, ...]:
    """Paint the ground over half of one object in `image`; return the objects that still count."""
    chosen = int(random.integers(len(scene.placed)))
    left, top, right, bottom = np.clip(scene.placed[chosen].box, 0, None)
    middle = ((left + right) // 2, (top + bottom) // 2)
    halves = [(left, top, right, middle[1]), (left, middle[1], right, bottom)]
    halves += [(left, top, middle[0], bottom), (middle[0], top, right, bottom)]
    left, top, right, bottom = halves[random.integers(4)]
    image[top:bottom, left:right] = GROUNDS[scene.ground]
    return scene.placed[:chosen] + scene.placed[chosen + 1 :]


def mosaic(pixels: int, random: np.random.Generator) -> np.ndarray:
    """Return patches of random colours under noise, uint8 [pixels, pixels, 3]."""
    patches = random.uniform(0, 255, (pixels // PATCH, pixels // PATCH, 3))
    image = patches.repeat(PATCH, axis=0).repeat(PATCH, axis=1)
    return (image + random.normal(0, 40, image.shape)).clip(0, 255).astype(np.uint8)


def objects_of(world: World, rows: list[tuple[Placed, ...]]) -> Objects:
    """Return the padded objects of each image, as the detector's loss wants them."""
    names = {entry.name: index for index, entry in enumerate(world.objects)}
    colours = {colour: index for index, colour in enumerate((*world.colours, None))}
    most = world.config.max_objects
    table = torch.zeros(len(rows), most, 6)
    table[..., 0] = ABSENT
    for row, placed in zip(table, rows, strict=True):
        for entry, one in zip(row, placed, strict=False):
            entry[:] = torch.tensor([names[one.name], colours[one.colour], *one.box])
    boxes = table[..., 2:] * (GRID / world.config.pixels)
    return Objects(table[..., 0].long(), table[..., 1].long(), boxes)
