"""What a user says of data, and the source that it names: one dict of forms.

webdataset   tar shards               path: a file, or a pattern such as shards/*.tar
parquet      files with image bytes   path: the same
huggingface  a data set               path: a folder of save_to_disk, or a name on the hub
llava, mjhq, journeydb                path: the listing; images: the folder of the images
mined        instruction pairs        path: pairs.jsonl of `mine`; images: the pages' folder
precomputed  codes or latents         path: the folder that `precompute` wrote
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from glob import glob
from math import inf
from pathlib import Path

from datamodules.pairs.crops import CROPS, square
from datamodules.pairs.fields import Fields
from datamodules.pairs.folders import ENTRY_SAMPLES, FolderSource
from datamodules.pairs.mined import MinedSource
from datamodules.pairs.mixture import Mixture
from datamodules.pairs.samples import Sample, Source
from datamodules.pairs.shards import PrecomputedSource
from datamodules.pairs.tables import HuggingFaceSource, ParquetSource
from datamodules.pairs.tars import WebDatasetSource


@dataclass(frozen=True, kw_only=True)
class SourceConfig:
    """One source of a mixture. `weight` is its share relative to the others', `crop` a rule of
    crops.py. `image` and `text` name fields or tar members where the known names do not hold."""

    form: str = ""
    path: str = ""
    images: str = ""
    image: str = ""
    text: str = ""
    split: str = "train"
    weight: float = 1.0
    crop: str = "centre"

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise ValueError(f"form must be one of {', '.join(FORMS)}, got {self.form!r}.")
        if not self.path:
            raise ValueError(f"path must name the data of form {self.form}, got nothing.")
        if self.crop not in CROPS:
            raise ValueError(f"crop must be one of {', '.join(CROPS)}, got {self.crop!r}.")
        if not 0 < self.weight < inf:
            raise ValueError(
                f"weight must be above 0 and finite, got {self.weight} for {self.path}."
            )

    @property
    def fields(self) -> Fields:
        return Fields(self.image, self.text)


def files(pattern: str) -> list[Path]:
    """The file of that name, or those that match a pattern, in order; ValueError for none."""
    matching = [pattern] if Path(pattern).is_file() else glob(pattern, recursive=True)
    found = sorted(path for path in map(Path, matching) if path.is_file())
    if not found:
        raise ValueError(f"path must name files, got none at {pattern}.")
    return found


def listing(config: SourceConfig) -> Path:
    """The one file that says what belongs to each image; ValueError for none or several."""
    found = files(config.path)
    if len(found) > 1:
        raise ValueError(f"path must name one file, got {len(found)} at {config.path}.")
    return found[0]


def folder_source(config: SourceConfig) -> FolderSource:
    return FolderSource(listing(config), Path(config.images), ENTRY_SAMPLES[config.form])


PRECOMPUTED = "precomputed"

FORMS: dict[str, Callable[[SourceConfig], Source]] = {
    "webdataset": lambda config: WebDatasetSource(files(config.path), config.fields),
    "parquet": lambda config: ParquetSource(files(config.path), config.fields),
    "huggingface": lambda config: HuggingFaceSource(config.path, config.split, config.fields),
    **dict.fromkeys(ENTRY_SAMPLES, folder_source),
    "mined": lambda config: MinedSource(listing(config), Path(config.images)),
    PRECOMPUTED: lambda config: PrecomputedSource(Path(config.path)),
}


class Squared:
    """A source whose images are squares of `pixels` by one rule of crops.py."""

    def __init__(self, source: Source, pixels: int, crop: str) -> None:
        self.source, self.pixels, self.crop = source, pixels, crop

    def __len__(self) -> int:
        return len(self.source)

    def name(self, index: int) -> str:
        return self.source.name(index)

    def read(self, index: int) -> Sample:
        sample = self.source.read(index)
        if sample.image is None:
            return sample
        image, *sources = (
            square(one, self.pixels, self.crop) for one in (sample.image, *sample.sources)
        )
        return replace(sample, image=image, sources=tuple(sources))


def open_source(config: SourceConfig, pixels: int) -> Source:
    """The source that a config names, its images squares of `pixels`; ValueError for an empty one.

    Raises what its form raises where a file is cut or missing.
    """
    source = FORMS[config.form](config)
    if not len(source):
        raise ValueError(f"{config.path} must hold samples, got none.")
    return Squared(source, pixels, config.crop)


def open_mixture(configs: Sequence[SourceConfig], pixels: int, seed: int) -> Mixture:
    """The sources, dealt out by their weights."""
    sources = [open_source(one, pixels) for one in configs]
    return Mixture(sources, [one.weight for one in configs], seed)
