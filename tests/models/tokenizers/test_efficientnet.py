"""EfficientNet's view of an image."""

import numpy as np
import torch

from models.tokenizers.efficientnet import CELLS, CHANNELS, ImageFeatures


def test_features_are_a_map_of_the_image_alone() -> None:
    images = np.zeros((3, 32, 32, 3), dtype=np.uint8)
    images[1, :16, :16] = 255
    images[2] = images[1]
    found = ImageFeatures().encode(images)
    assert found.shape == (3, CELLS**2, CHANNELS)
    assert found.dtype == torch.float16
    torch.testing.assert_close(found[1], found[2])
    change = (found[1] - found[0]).float().norm(dim=-1)
    assert change[0] > 3 * change[-1]  # the first cell covers what differs, the last one does not
    torch.testing.assert_close(ImageFeatures().encode(images[1:2])[0], found[1])
