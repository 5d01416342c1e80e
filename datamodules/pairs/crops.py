"""How a picture of any shape becomes a square of so many pixels: the rules of the papers.

    centre    short side to size, the middle kept    UniFork's drawing (arXiv 2506.17202); diffusion
                                                     decoders since ADM (arXiv 2105.05233)
    pad       long side to size, the rest grey 127   UniFork's understanding; Janus (2410.13848)
    stretch   both sides to size                     SigLIP's processor (2303.15343)

Centre loses the margins, pad makes objects smaller, stretch changes their shape. All resample
bicubically over the whole footprint of a pixel, so nothing aliases.
"""

import numpy as np
from PIL import Image, ImageOps

from datamodules.pairs.samples import BrokenSampleError

GREY = (127, 127, 127)


def centre(image: Image.Image, pixels: int) -> Image.Image:
    return ImageOps.fit(image, (pixels, pixels), Image.Resampling.BICUBIC)


def pad(image: Image.Image, pixels: int) -> Image.Image:
    if max(image.size) >= 2 * pixels * min(image.size):
        sides = " x ".join(map(str, image.size))
        raise BrokenSampleError(f"an image must be a pixel wide in {pixels}, got {sides} to pad.")
    return ImageOps.pad(image, (pixels, pixels), Image.Resampling.BICUBIC, GREY)


def stretch(image: Image.Image, pixels: int) -> Image.Image:
    return image.resize((pixels, pixels), Image.Resampling.BICUBIC)


CROPS = {"centre": centre, "pad": pad, "stretch": stretch}


def square(image: np.ndarray, pixels: int, crop: str) -> np.ndarray:
    """uint8 [pixels, pixels, 3] of an image uint8 [h, w, 3] by the rule `crop`."""
    return np.asarray(CROPS[crop](Image.fromarray(image), pixels))
