"""Rows with an image column: parquet files, and data sets of the Hugging Face library."""

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from datamodules.pairs.fields import Fields
from datamodules.pairs.samples import BrokenSampleError, Sample


class ParquetSource:
    """The rows of the files in the order of their names.

    A file is read a row group at a time, and the last group stays in memory: reading in order costs
    one pass, reading in a random order a group a sample. Precompute what is to be read at random.
    """

    def __init__(self, files: list[Path], fields: Fields) -> None:
        self.files, self.fields = files, fields
        self.groups: list[tuple[int, int]] = []
        sizes = []
        for number, path in enumerate(files):
            about = metadata(path)
            fields.require(path, about.schema.to_arrow_schema().names)
            self.groups += [(number, group) for group in range(about.num_row_groups)]
            sizes += [about.row_group(group).num_rows for group in range(about.num_row_groups)]
        self.ends = list(accumulate(sizes))
        self.kept: tuple[int, pyarrow.Table] | None = None

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    def place(self, index: int) -> tuple[int, int]:
        """The row group of a row, and the row's number within it."""
        group = bisect_right(self.ends, index)
        return group, index - (self.ends[group - 1] if group else 0)

    def name(self, index: int) -> str:
        group, row = self.place(index)
        number, part = self.groups[group]
        return f"{self.files[number].name}/{part}/{row}"

    def read(self, index: int) -> Sample:
        group, row = self.place(index)
        if self.kept is None or self.kept[0] != group:
            number, part = self.groups[group]
            self.kept = (group, row_group(self.files[number], part))
        try:
            values = self.kept[1].slice(row, 1).to_pylist()[0]
        except UnicodeDecodeError as error:
            raise BrokenSampleError(f"texts must be in UTF-8, got {error}.") from error
        return self.fields.sample(self.name(index), values)


def metadata(path: Path) -> Any:
    """What a parquet file says of itself at its end; ValueError where that is not whole."""
    try:
        return pyarrow.parquet.read_metadata(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise ValueError(f"{path} must be a whole parquet file: {error}.") from error


def row_group(path: Path, part: int) -> pyarrow.Table:
    """The rows of one group; ValueError where they are damaged."""
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            return file.read_row_group(part)
    except (OSError, pyarrow.ArrowException) as error:
        raise ValueError(f"{path} must be a whole parquet file: {error}.") from error


class HuggingFaceSource:
    """The rows of a data set: a folder that `save_to_disk` wrote, or a name on the hub."""

    def __init__(self, path: str, split: str, fields: Fields) -> None:
        self.path, self.fields = path, fields
        self.rows = load_rows(path, split)
        fields.require(path, self.rows.column_names)

    def __len__(self) -> int:
        return len(self.rows)

    def name(self, index: int) -> str:
        return f"{Path(self.path).name}/{index}"

    def read(self, index: int) -> Sample:
        return self.fields.sample(self.name(index), self.rows[index])


def load_rows(path: str, split: str) -> Any:
    """The rows of one split, their images left undecoded; ValueError for a split that is not there,
    and for a file of the folder that is cut.

    OSError where neither the folder nor the hub has such a data set.
    """
    import datasets

    load = datasets.load_from_disk if Path(path).is_dir() else datasets.load_dataset
    try:
        loaded: Any = load(path)
    except (OSError, pyarrow.ArrowException) as error:
        if cut := ", ".join(cut_files(Path(path))):
            raise ValueError(f"{cut} must be a whole arrow file: {error}.") from error
        raise
    if isinstance(loaded, datasets.DatasetDict):
        if split not in loaded:
            raise ValueError(f"{path} must have the split {split!r}, got {', '.join(loaded)}.")
        loaded = loaded[split]
    for column, kind in loaded.features.items():
        if isinstance(kind, datasets.Image):
            loaded = loaded.cast_column(column, datasets.Image(decode=False))
    return loaded


def cut_files(folder: Path) -> Iterator[str]:
    """The arrow files of a folder that do not read to their end."""
    for path in sorted(folder.rglob("*.arrow")):
        try:
            with pyarrow.memory_map(str(path)) as file, pyarrow.ipc.open_stream(file) as stream:
                stream.read_all()
        except (OSError, pyarrow.ArrowException):
            yield str(path)
