"""What `mine` wrote: pictures, an instruction, and the picture that it makes of them."""

from pathlib import Path

from datamodules.pairs.folders import read_entries
from datamodules.pairs.samples import Sample, decoded


class MinedSource:
    """The pairs of all pages; the target is the image, the instruction its caption."""

    def __init__(self, listing: Path, images: Path) -> None:
        self.images = images
        self.pairs = [
            (f"{line['page']}/{number}", pair)
            for line in read_entries(listing)
            for number, pair in enumerate(line["pairs"])
        ]

    def __len__(self) -> int:
        return len(self.pairs)

    def name(self, index: int) -> str:
        return self.pairs[index][0]

    def read(self, index: int) -> Sample:
        name, pair = self.pairs[index]
        sources = tuple(decoded(self.images / one) for one in pair["sources"])
        target = decoded(self.images / pair["target"])
        return Sample(name, target, pair["instruction"], sources=sources)
