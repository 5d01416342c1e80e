"""Features of the Inception network that FID is defined on, from weights on disk.

The network is torch-fidelity's port of TensorFlow's of 2015, whose file of weights pytorch-fid uses
too. What is done to an image before it decides as much about the score as the network does, so it
is named:

| name | before the network | as in |
|---|---|---|
| `clean` | bicubic by PIL to 299, a float channel at a time, clipped | clean-fid |
| `torchmetrics-256` | bilinear to 256, centre crop, antialiased bilinear to 299 | torchmetrics |
| `torch-fidelity` | bilinear to 299 as TensorFlow 1 has it, not antialiased | torch-fidelity |
"""

import hashlib
import pickle
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import interpolate
from torch_fidelity.feature_extractor_inceptionv3 import (
    URL_INCEPTION_V3,
    FeatureExtractorInceptionV3,
)
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x
from torchvision.transforms.functional import center_crop, resize

from benchmarks.images import batched
from benchmarks.judges.checkpoints import chosen_device

SIDE = 299
FEATURES = 2048
CHUNK = 16
CROP = 256
OFFICIAL = "6726825d"
"""How the SHA-256 of the official file of weights begins; its name says so."""
OFFICIAL_NAME = "inception_v3_compat"


def clean(image: np.ndarray) -> Tensor:
    """Return float [3, SIDE, SIDE] in 0..255 of uint8 [h, w, 3]: bicubic, nothing rounded."""
    channels = [
        np.asarray(
            Image.fromarray(image[..., index].astype(np.float32)).resize(
                (SIDE, SIDE), Image.Resampling.BICUBIC
            )
        )
        for index in range(3)
    ]
    return torch.from_numpy(np.stack(channels)).clamp(0, 255)


def torchmetrics_256(image: np.ndarray) -> Tensor:
    """Return float [3, SIDE, SIDE]: shorter side to CROP, centre CROP x CROP, then to SIDE."""
    small = center_crop(resize(Image.fromarray(image), [CROP]), [CROP])  # pyright: ignore
    pixels = torch.from_numpy(np.asarray(small).copy()).permute(2, 0, 1)[None].float()
    return interpolate(
        pixels, (SIDE, SIDE), mode="bilinear", align_corners=False, antialias=True
    ).squeeze(0)


def torch_fidelity(image: np.ndarray) -> Tensor:
    """Return float [3, SIDE, SIDE]: bilinear between the corners that TensorFlow 1 chose."""
    pixels = torch.from_numpy(image.copy()).permute(2, 0, 1)[None].float()
    return interpolate_bilinear_2d_like_tensorflow1x(
        pixels, size=(SIDE, SIDE), align_corners=False
    ).squeeze(0)


RESIZES: Mapping[str, Callable[[np.ndarray], Tensor]] = {
    "clean": clean,
    "torchmetrics-256": torchmetrics_256,
    "torch-fidelity": torch_fidelity,
}


def fetch_weights() -> Path:
    """Return torch-fidelity's file of weights, downloaded once; OSError where it cannot be."""
    path = Path(torch.hub.get_dir()) / "checkpoints" / URL_INCEPTION_V3.rpartition("/")[2]
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        torch.hub.download_url_to_file(URL_INCEPTION_V3, str(path), OFFICIAL, progress=False)
    except (OSError, RuntimeError) as error:
        raise OSError(
            f"Inception's weights must be a local file (--inception PATH) where "
            f"{URL_INCEPTION_V3} cannot be reached, got: {error}."
        ) from error
    return path


def read_network(path: Path) -> nn.Module:
    """Return the network up to its pooled features, in evaluation mode.

    ValueError if `path` is no state dict of it: a TorchScript archive, say, or other weights.
    """
    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path} must be Inception's state dict, got: {reason}") from error
    shape = getattr(weights.get("Mixed_7c.branch1x1.conv.weight"), "shape", None)
    if shape is None or "fc.weight" not in weights:
        raise ValueError(
            f"{path} must be Inception's state dict as torch-fidelity and pytorch-fid have it, "
            f"got {len(weights)} entries, the first {next(iter(weights), None)!r}."
        )
    try:
        network = FeatureExtractorInceptionV3("inception", ["2048"], str(path))
    except RuntimeError as error:
        raise ValueError(f"{path} must fit Inception's layers, got: {error}") from error
    layers = [layer for name, layer in network.named_children() if name != "fc"]
    return nn.Sequential(*layers).eval()


class InceptionFeatures:
    """Gives the 2048 pooled features of an image, for `mjhq_fid`.

    Only weights whose hash is that of the official file carry the official name; on any other the
    distance is not called FID.
    """

    def __init__(
        self, path: Path | None = None, resize: str = "clean", device: str | None = None
    ) -> None:
        if resize not in RESIZES:
            raise ValueError(f"--resize must be one of {', '.join(RESIZES)}, got {resize!r}.")
        path = path or fetch_weights()
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self.device = chosen_device(device)
        self.network = read_network(path).to(self.device)
        self.resized = RESIZES[resize]
        name = OFFICIAL_NAME if digest.startswith(OFFICIAL) else f"inception_v3_{digest[:8]}"
        self.label = f"{name}-{resize}"
        self.protocol = {
            "extractor": name,
            "weights_sha256": digest,
            "resize": resize,
            "torch_fidelity": version("torch-fidelity"),
        }

    @torch.inference_mode()
    def features(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """Return float32 [b, FEATURES] of images uint8 [h, w, 3] of any sizes."""
        chunks = []
        for chunk in batched(images, CHUNK):
            pixels = torch.stack([self.resized(image) for image in chunk]).to(self.device)
            chunks.append(self.network((pixels - 128) / 128).flatten(1).float().cpu())
        return torch.cat(chunks).numpy()
