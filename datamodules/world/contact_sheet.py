"""The world at a glance: every object in every colour, then scenes with their captions."""

from textwrap import wrap

import numpy as np
from PIL import Image, ImageDraw

from datamodules.world.art import sprite
from datamodules.world.render import GROUNDS
from datamodules.world.world import World

SCENES_PER_ROW, ROWS = 6, 4
MARGIN = 4
LINE_HEIGHT, LETTER_WIDTH = 11, 6
TYPICAL_SIZE = 14
"""Longer side of a sprite on the sheet, in a cell of 16 pixels."""


def contact_sheet(world: World, scale: int) -> Image.Image:
    """Return the sheet, its pictures enlarged `scale` times."""
    palette, scenes = _palette(world, scale), _scenes(world, scale)
    size = (max(palette.width, scenes.width), palette.height + scenes.height)
    sheet = Image.new("RGB", size, "white")
    sheet.paste(palette, (0, 0))
    sheet.paste(scenes, (0, palette.height))
    return sheet


def _palette(world: World, scale: int) -> Image.Image:
    """Return one row a picture of an object, one column a colour, natural colours first."""
    codes = [code for entry in world.objects for code in entry.pictures]
    colours = (None, *world.colours)
    canvas = np.empty((16 * len(codes), 16 * len(colours), 3), dtype=np.float32)
    canvas[:] = GROUNDS[0]
    for row, code in enumerate(codes):
        for column, colour in enumerate(colours):
            art = sprite(code, colour, TYPICAL_SIZE, 0)
            height, width = art.veil.shape[:2]
            top, left = 16 * row + 1, 16 * column + 1
            region = canvas[top : top + height, left : left + width]
            region *= art.veil
            region += art.paint
    return _enlarged(canvas.astype(np.uint8), scale)


def _scenes(world: World, scale: int) -> Image.Image:
    """Return the first training scenes, each with its caption below."""
    side = world.config.pixels * scale + MARGIN
    scenes = [world.scene("train", index) for index in range(SCENES_PER_ROW * ROWS)]
    captions = [world.caption("train", index, scene) for index, scene in enumerate(scenes)]
    lines = [wrap(caption, side // LETTER_WIDTH) for caption in captions]
    height = side + max(map(len, lines)) * LINE_HEIGHT
    sheet = Image.new("RGB", (SCENES_PER_ROW * side, ROWS * height), "white")
    pen = ImageDraw.Draw(sheet)
    for index, scene in enumerate(scenes):
        left, top = index % SCENES_PER_ROW * side, index // SCENES_PER_ROW * height + MARGIN
        sheet.paste(_enlarged(world.render(scene), scale), (left, top))
        below = (left, top + side - MARGIN)
        pen.multiline_text(below, "\n".join(lines[index]), fill="black", spacing=0)
    return sheet


def _enlarged(pixels: np.ndarray, scale: int) -> Image.Image:
    image = Image.fromarray(pixels)
    return image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
