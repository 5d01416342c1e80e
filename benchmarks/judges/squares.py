"""What an image encoder is shown of a picture: its middle square, in Pillow's own bicubic."""

import numpy as np
from PIL import Image


def middle_square(image: Image.Image, shorter: int, side: int) -> np.ndarray:
    """Return float32 [3, side, side] in 0..1: the shorter edge scaled to `shorter`, then cropped.

    As torchvision's Resize and CenterCrop have it, which CLIP and DINO were trained with.
    """
    least = min(image.size)
    size = [shorter if edge == least else int(shorter * edge / least) for edge in image.size]
    scaled = image.resize((size[0], size[1]), Image.Resampling.BICUBIC)
    left, top = round((size[0] - side) / 2), round((size[1] - side) / 2)
    square = scaled.crop((left, top, left + side, top + side))
    return (np.asarray(square, np.float32) / 255).transpose(2, 0, 1)
