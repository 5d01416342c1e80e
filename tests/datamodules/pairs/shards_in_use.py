"""Small sets of pictures in the real forms: what the libraries of the field write."""

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import webdataset
from PIL import Image

from datamodules.pairs.samples import BrokenSampleError, Sample

COLOURS = [(37 * i % 256, 91 * i % 256, 53 * i % 256) for i in range(64)]


def picture(index: int, size: tuple[int, int] = (6, 4)) -> np.ndarray:
    """One plain colour, so that a sample can be told by its picture; uint8 [h, w, 3]."""
    width, height = size
    return np.full((height, width, 3), COLOURS[index], dtype=np.uint8)


def png(index: int, size: tuple[int, int] = (6, 4)) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture(index, size)).save(buffer, format="PNG")
    return buffer.getvalue()


def write_tar(path: Path, numbers: Sequence[int]) -> Path:
    with webdataset.TarWriter(str(path)) as writer:
        for number in numbers:
            key = f"part/{number:04d}"
            writer.write({"__key__": key, "png": png(number), "txt": f"picture {number}"})
    return path


def write_folder(root: Path, count: int) -> Path:
    """MJHQ's layout; returns the meta file."""
    (root / "people").mkdir(parents=True)
    meta = {}
    for number in range(count):
        (root / "people" / f"id{number}.png").write_bytes(png(number))
        meta[f"id{number}"] = {"category": "people", "prompt": f"picture {number}"}
    (root / "meta.json").write_text(json.dumps(meta))
    return root / "meta.json"


def latent_batch(samples: list[Sample]) -> dict[str, Any]:
    """`latents` half [b, c, h, w] of precomputed samples, and their `captions`."""
    latents = torch.from_numpy(np.stack([one.encoded for one in samples]))
    return {"latents": latents, "captions": [one.caption for one in samples]}


class Greys:
    """Picture n of `count` is one plain grey of n; number `broken` cannot be read."""

    def __init__(self, count: int, broken: int | None = None) -> None:
        self.count, self.broken = count, broken

    def __len__(self) -> int:
        return self.count

    def name(self, index: int) -> str:
        return str(index)

    def read(self, index: int) -> Sample:
        if index == self.broken:
            raise BrokenSampleError("an image must be whole, got half.")
        return Sample(str(index), np.full((4, 4, 3), index, dtype=np.uint8), f"grey {index}")
