"""What `mine` wrote: pictures, an instruction, and the picture that it makes of them."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from datamodules.pairs.fields import checked
from datamodules.pairs.folders import read_entries
from datamodules.pairs.samples import BrokenSampleError, Sample, decoded, file_below

PARTS = ("sources", "target", "instruction")


class MinedSource:
    """The pairs of all pages; the target is the image, the instruction its caption."""

    def __init__(self, listing: Path, images: Path) -> None:
        self.images = images
        self.pairs = [
            one
            for number, line in enumerate(read_entries(listing), 1)
            for one in named_pairs(f"{listing.name}:{number}", line)
        ]

    def __len__(self) -> int:
        return len(self.pairs)

    def name(self, index: int) -> str:
        return self.pairs[index][0]

    def read(self, index: int) -> Sample:
        name, pair = self.pairs[index]
        if not isinstance(pair, Mapping) or any(part not in pair for part in PARTS):
            raise BrokenSampleError(f"a pair must hold {', '.join(PARTS)}, got {pair!r}.")
        if not (isinstance(pair["sources"], list) and pair["sources"]):
            raise BrokenSampleError(f"sources must be a list of files, got {pair['sources']!r}.")
        sources = tuple(decoded(file_below(self.images, one)) for one in pair["sources"])
        target = decoded(file_below(self.images, pair["target"]))
        return replace(checked(name, target, pair["instruction"], ()), sources=sources)


def named_pairs(line: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The pairs of a page with their names; a line without a list of them is one broken pair."""
    page, pairs = entry.get("page", line), entry.get("pairs")
    if not isinstance(pairs, list):
        yield str(page), pairs
        return
    for number, pair in enumerate(pairs):
        yield f"{page}/{number}", pair
