"""Pages to instruction pairs: one line a page in `pairs.jsonl`, so that a stopped run goes on.

    {"page": name, "broken": [], "pairs": [{"sources": [file], "target": file, "instruction": ""}]}

A page without a group has no pairs, a picture that cannot be read leaves its page, a reply without
words its group; the last two are counted and named.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from datamodules.mining.groups import groups, odd_one
from datamodules.mining.pages import Page, Picture
from datamodules.mining.writers import Writer, instruction, request
from datamodules.pairs.faults import Ledger
from datamodules.pairs.samples import Broken, BrokenSampleError, decoded, file_below

PAIRS = "pairs.jsonl"


@dataclass(frozen=True, kw_only=True)
class MineConfig:
    """Captions are joined from a mean cosine likeness of `threshold` on, at most `largest` pictures
    make a group; of all pictures the share `max_broken` may be unusable."""

    threshold: float = 0.5
    largest: int = 6
    max_broken: float = 0.01

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold must lie in (0, 1], got {self.threshold}.")
        if self.largest < 2:
            raise ValueError(f"largest must be at least 2, got {self.largest}.")


class Encoder(Protocol):
    """Captions, and pictures if it `sees` them, as unit vectors."""

    sees: bool

    def captions(self, texts: Sequence[str]) -> np.ndarray: ...

    def pictures(self, images: Sequence[np.ndarray]) -> np.ndarray: ...


@dataclass(frozen=True)
class Seen:
    """A picture of a page with its pixels, uint8 [h, w, 3]."""

    picture: Picture
    image: np.ndarray


@dataclass(frozen=True)
class Miner:
    """Mines pages whose pictures lie in the folder `images`."""

    encoder: Encoder
    writer: Writer
    images: Path
    config: MineConfig

    def run(self, pages: Sequence[Page], out: Path) -> Ledger:
        """Appends to `out/pairs.jsonl` a line for each page that has none.

        ValueError once too many pictures are unusable, or where a line is of another page.
        """
        out.mkdir(parents=True, exist_ok=True)
        done = {line["page"]: line for line in whole_lines(out / PAIRS)}
        ledger = Ledger(sum(len(page.pictures) for page in pages), self.config.max_broken)
        with (out / PAIRS).open("a") as file:
            for page in pages:
                line = done.get(page.name)
                if line is None:
                    line = self.page(page)
                    file.write(json.dumps(line) + "\n")
                    file.flush()
                check_page(line, page, out / PAIRS)
                ledger.read += len(page.pictures)
                for one in line["broken"]:
                    ledger.add(Broken(*one))
        return ledger

    def page(self, page: Page) -> dict[str, Any]:
        """The line of a page."""
        seen: list[Seen] = []
        broken: list[Broken] = []
        for picture in page.pictures:
            try:
                seen.append(Seen(picture, decoded(file_below(self.images, picture.file))))
            except BrokenSampleError as error:
                broken.append(Broken(f"{page.name}/{picture.file}", str(error)))
        pairs = []
        for group in self.groups(seen):
            pair = self.pair(group)
            if pair["instruction"]:
                pairs.append(pair)
            else:
                name = f"{page.name}/{pair['target']}"
                broken.append(Broken(name, "an instruction must have words, got none."))
        faults = [[one.name, one.reason] for one in broken]
        return {"page": page.name, "pairs": pairs, "broken": faults}

    def groups(self, seen: Sequence[Seen]) -> list[list[Seen]]:
        """Groups of like captions, the target last."""
        if len(seen) < 2:
            return []
        vectors = self.encoder.captions([one.picture.caption for one in seen])
        found = []
        for members in groups(vectors, self.config.threshold, self.config.largest):
            group = [seen[member] for member in members]
            shown = vectors[members]
            if self.encoder.sees:
                shown = self.encoder.pictures([one.image for one in group])
            target = odd_one(shown)
            found.append([*group[:target], *group[target + 1 :], group[target]])
        return found

    def pair(self, group: Sequence[Seen]) -> dict[str, Any]:
        *sources, target = group
        text = request([one.picture.caption for one in sources], target.picture.caption)
        reply = self.writer.reply([one.image for one in group], text)
        return {
            "sources": [one.picture.file for one in sources],
            "target": target.picture.file,
            "instruction": instruction(reply),
        }


def check_page(line: Mapping[str, Any], page: Page, path: Path) -> None:
    """Raises ValueError where a line of that name names pictures that the page has not."""
    named = {file for pair in line["pairs"] for file in (*pair["sources"], pair["target"])}
    if others := named - {picture.file for picture in page.pictures}:
        raise ValueError(
            f"{path} must hold pairs of these pages alone, got {page.name} with {min(others)}."
        )


def whole_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a file that were written to their end; what a kill cut off is taken away.

    ValueError for a line that is no JSON.
    """
    if not path.exists():
        return []
    lines = path.read_text().splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    if len(whole) < len(lines):
        path.write_text("".join(whole))
    try:
        return [json.loads(line) for line in whole]
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} must hold lines of JSON: {error}.") from error
