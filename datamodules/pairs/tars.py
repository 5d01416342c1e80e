"""WebDataset shards: tar files in which the members of one sample share a name up to its first dot.

The library of that name reads shards as streams and keeps no state; here a shard is indexed once,
by the headers of its members, and a sample is read where it lies. So shards must be plain tar.
"""

import json
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from datamodules.pairs.fields import Fields
from datamodules.pairs.samples import BrokenSampleError, Sample

Places = dict[str, tuple[int, int]]
"""Where each member of a sample begins in its shard and how many bytes it has, by extension."""
TAR_END = bytes(1024)
"""What closes a tar: two empty blocks. Where a file is cut or a header damaged, others stand."""


class WebDatasetSource:
    """The samples of the shards in the order of their names."""

    def __init__(self, shards: list[Path], fields: Fields) -> None:
        self.shards, self.fields = shards, fields
        self.samples: list[tuple[int, str, Places]] = [
            (number, key, places)
            for number, shard in enumerate(shards)
            for key, places in shard_index(shard).items()
        ]

    def __len__(self) -> int:
        return len(self.samples)

    def name(self, index: int) -> str:
        number, key, _ = self.samples[index]
        return f"{self.shards[number].name}/{key}"

    def read(self, index: int) -> Sample:
        number, _, places = self.samples[index]
        members = dict(members_at(self.shards[number], places))
        return self.fields.sample(self.name(index), record(members))


def shard_index(shard: Path) -> dict[str, Places]:
    """The members of a shard by sample; ValueError for one that is cut, compressed or ambiguous."""
    samples: dict[str, Places] = {}
    try:
        with tarfile.open(shard, "r:") as archive:
            for member in archive:
                key, extension = key_and_extension(member.name)
                if member.isfile() and key and extension:
                    places = samples.setdefault(key, {})
                    if extension in places:
                        raise ValueError(f"{shard} must hold {member.name} once, got it again.")
                    places[extension] = (member.offset_data, member.size)
            end = archive.offset
    except tarfile.ReadError as error:
        raise ValueError(f"{shard} must be a whole tar without compression: {error}.") from error
    if not closed(shard, end):
        raise ValueError(f"{shard} must be a whole tar, got neither end nor member at byte {end}.")
    return samples


def key_and_extension(name: str) -> tuple[str, str]:
    """`a/b.seg.png` is the member `seg.png` of the sample `a/b`.

    Empty for what belongs to none: a name without an extension, or that begins with a dot.
    """
    folder, slash, base = name.rpartition("/")
    stem, _, extension = base.partition(".")
    return (folder + slash + stem, extension.lower()) if stem and extension else ("", "")


def closed(shard: Path, end: int) -> bool:
    with shard.open("rb") as file:
        file.seek(end)
        return file.read(len(TAR_END)) == TAR_END


def members_at(shard: Path, places: Places) -> Iterator[tuple[str, bytes]]:
    with shard.open("rb") as file:  # opened anew: workers must not share a file's position
        for extension, (offset, size) in places.items():
            file.seek(offset)
            yield extension, file.read(size)


def record(members: Mapping[str, bytes]) -> dict[str, Any]:
    """The members as fields; those of a `json` member stand beside them."""
    found: dict[str, Any] = dict(members)
    if "json" in members:
        try:
            found = {**json.loads(found.pop("json")), **found}
        except (ValueError, TypeError) as error:
            raise BrokenSampleError(f"the member json must hold a mapping, got {error}.") from error
    return found
