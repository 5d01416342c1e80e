"""Sequences with the features of the pictures that they are about, on disk and dealt together.

Two arrays stand beside a store's own: the features of every picture, and for every sequence the
number of its picture, -1 where it has none.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from datamodules.sequences import SequenceStore

NO_PICTURE = -1
LATENTS = "latents"
"""Their folder beside the sequences, and their key, where features are what is to be drawn."""


class FeatureStore(SequenceStore):
    """`features` float16 [pictures, cells, channels], `pictures` int64 [sequences]."""

    features: np.ndarray
    pictures: np.ndarray
    key: str

    @classmethod
    def load_with(
        cls, folder: Path, name: str, features: Path, key: str = "features"
    ) -> "FeatureStore":
        """The store `name` of `folder` with what `save_features` left in `features`.

        They stand under `key` in a batch. Raises ValueError where they do not belong together.
        """
        store = cls.load(folder, name)
        store.key = key
        store.features = np.load(features / "features.npy", mmap_mode="r")
        store.pictures = np.load(features / "pictures.npy")
        if len(store.pictures) != len(store) or store.pictures.max() >= len(store.features):
            raise ValueError(
                f"{features} must name one of {len(store.features)} pictures, or none, for each of "
                f"{len(store)} sequences, got {len(store.pictures)} names up to "
                f"{store.pictures.max()}."
            )
        return store

    def beside(self, sequences: list[int]) -> dict[str, Tensor]:
        """float16 [b, cells, channels]; zeros for a sequence without a picture."""
        pictures = self.pictures[sequences]
        found = np.zeros((len(sequences), *self.features.shape[1:]), dtype=np.float16)
        shown = pictures != NO_PICTURE
        found[shown] = self.features[pictures[shown]]
        return {self.key: torch.from_numpy(found)}


def save_features(folder: Path, features: np.ndarray, pictures: np.ndarray) -> None:
    np.save(folder / "features.npy", features.astype(np.float16))
    np.save(folder / "pictures.npy", pictures.astype(np.int64))
