"""Precomputed samples on disk: what an image became, and its texts, in shards that appear whole.

about.json     what was precomputed: encoder, rule, counts; the same for every rank
00000.npy      codes [n, p] or latents float16 [n, c, h, w] of the samples with an image
00000.jsonl    name, caption, turns of every sample, and the row of its image or null
00000.json     written last: counts, and the broken samples with their reasons
"""

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from datamodules.pairs.about import ABOUT, read_mapping, write_whole
from datamodules.pairs.samples import Broken, Sample


@dataclass(frozen=True)
class Shard:
    """Shard `number` of a folder."""

    folder: Path
    number: int

    def file(self, suffix: str) -> Path:
        return self.folder / f"{self.number:05d}{suffix}"

    @property
    def done(self) -> bool:
        return self.file(".json").exists()

    def write(
        self, samples: Sequence[Sample], arrays: Sequence[np.ndarray], broken: Sequence[Broken]
    ) -> None:
        """Writes the shard; `arrays` belong to the samples with an image, in their order."""
        rows = iter(range(len(arrays)))
        lines = []
        for one in samples:
            row = None if one.image is None else next(rows)
            about = {"name": one.name, "caption": one.caption, "turns": one.turns, "row": row}
            lines.append(json.dumps(about) + "\n")
        with self.file(".writing").open("wb") as file:
            np.save(file, np.stack(arrays) if arrays else np.empty(0))
        self.file(".writing").replace(self.file(".npy"))
        write_whole(self.file(".jsonl"), "".join(lines))
        faults = [[one.name, one.reason] for one in broken]
        marker = {"samples": len(samples), "images": len(arrays), "broken": faults}
        write_whole(self.file(".json"), json.dumps(marker, indent=1))

    @cached_property
    def marker(self) -> dict[str, Any]:
        return read_mapping(self.file(".json"), "samples", "images", "broken")

    @property
    def broken(self) -> list[Broken]:
        return [Broken(*one) for one in self.marker["broken"]]

    @cached_property
    def lines(self) -> list[dict[str, Any]]:
        """The texts; ValueError for a file that is cut or damaged."""
        found = self.file(".jsonl").read_bytes().splitlines(keepends=True)
        whole = [line for line in found if line.endswith(b"\n")]
        if len(whole) != self.marker["samples"]:
            raise ValueError(
                f"{self.file('.jsonl')} must hold {self.marker['samples']} samples, "
                f"got {len(whole)}."
            )
        try:
            return [json.loads(line) for line in whole]
        except ValueError as error:
            raise ValueError(f"{self.file('.jsonl')} must hold JSON: {error}.") from error

    @cached_property
    def arrays(self) -> np.ndarray:
        """What the images became, mapped from disk; ValueError for a file that is cut."""
        try:
            found = np.load(self.file(".npy"), mmap_mode="r")
        except (ValueError, EOFError) as error:
            raise ValueError(f"{self.file('.npy')} must be a whole array: {error}.") from error
        if len(found) != self.marker["images"]:
            raise ValueError(
                f"{self.file('.npy')} must hold {self.marker['images']} images, got {len(found)}."
            )
        return found


class PrecomputedSource:
    """The samples of a folder that `precompute` has finished; `encoder` names what made them."""

    def __init__(self, folder: Path) -> None:
        about = folder / ABOUT
        if not about.is_file():
            raise ValueError(f"path must be a folder of precompute, got no {about}.")
        self.about = read_mapping(about, "source", "encoder", "shards")
        self.shards = [Shard(folder, number) for number in range(self.about["shards"])]
        if lacking := [shard.number for shard in self.shards if not shard.done]:
            raise ValueError(
                f"{folder} must hold {len(self.shards)} finished shards, got none of "
                f"{', '.join(map(str, lacking))}."
            )
        self.ends = list(accumulate(shard.marker["samples"] for shard in self.shards))

    def __len__(self) -> int:
        return self.ends[-1]

    def line(self, index: int) -> tuple[Shard, dict[str, Any]]:
        number = bisect_right(self.ends, index)
        shard = self.shards[number]
        return shard, shard.lines[index - (self.ends[number - 1] if number else 0)]

    def name(self, index: int) -> str:
        return self.line(index)[1]["name"]

    def read(self, index: int) -> Sample:
        shard, line = self.line(index)
        encoded = None if line["row"] is None else shard.arrays[line["row"]]
        turns = tuple((question, answer) for question, answer in line["turns"])
        return Sample(line["name"], None, line["caption"], turns, encoded)
