"""Feature files: `ids` and float16 `features` [n, d] in one uncompressed .npz.

They are written and read a chunk at a time; `map_features` maps the rows instead of loading them.
"""

import struct
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.records import whole_file

FEATURES = "features.npz"
ROWS = 1024
"""Rows handled at a time."""
LOCAL_HEADER = 30
"""Bytes of a zip member's own header before its name; the lengths of name and extra field are its
last two numbers.
"""


@dataclass(frozen=True)
class FeatureSet:
    """Image ids and their features, float16 [n, d], mapped from a file."""

    ids: list[str]
    rows: np.ndarray

    def chunks(self, chosen: np.ndarray) -> Iterator[np.ndarray]:
        """Yield float64 [up to ROWS, d] of the rows whose numbers [n] are given."""
        for start in range(0, len(chosen), ROWS):
            yield self.rows[chosen[start : start + ROWS]].astype(np.float64)


@dataclass(frozen=True)
class Chosen:
    """Some rows of a feature set, read when they are asked for."""

    rows: np.ndarray
    numbers: np.ndarray

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, numbers: np.ndarray) -> np.ndarray:
        return self.rows[self.numbers[numbers]]


def write_features(path: Path, ids: Sequence[str], features: np.ndarray) -> None:
    """Write features [n, d] as float16 with their image ids."""
    stream_features(path, ids, [features], features.shape[1])


def stream_features(
    path: Path,
    ids: Sequence[str],
    chunks: Iterable[np.ndarray],
    dimensions: int,
    parts: Mapping[str, int] | None = None,
) -> None:
    """Write chunks [n_i, d], as many rows as `ids`, one after the other.

    `parts` names what the rows were made from: a key for each run of so many rows.
    """
    header = {"descr": "<f2", "fortran_order": False, "shape": (len(ids), dimensions)}
    with (
        whole_file(path) as partial,
        zipfile.ZipFile(partial, "w", zipfile.ZIP_STORED, allowZip64=True) as archive,
    ):
        with archive.open("ids.npy", "w") as member:
            np.lib.format.write_array(member, np.array(ids), allow_pickle=False)
        if parts:
            for name, values in (("parts", list(parts)), ("part_rows", list(parts.values()))):
                with archive.open(f"{name}.npy", "w") as member:
                    np.lib.format.write_array(member, np.array(values), allow_pickle=False)
        with archive.open("features.npy", "w", force_zip64=True) as member:
            np.lib.format.write_array_header_1_0(member, header)
            for chunk in chunks:
                with np.errstate(over="ignore"):  # infinite: refused by name when it is read
                    member.write(np.ascontiguousarray(chunk, dtype="<f2").tobytes())


def map_features(path: Path) -> FeatureSet:
    """Return the features of `path`, mapped.

    ValueError for a file that is no feature file, duplicate ids, or a value that is no number.
    """
    with path.open("rb") as file:
        if not zipfile.is_zipfile(file):
            raise ValueError(f"{path} must be an .npz file, got another or a damaged one.")
    try:
        with np.load(path) as arrays:
            ids = [str(name) for name in _list_of(arrays["ids"])]
        rows = _mapped(path)
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} must hold `ids` and `features`, got: {error}.") from error
    if rows.dtype.kind not in "iuf":
        raise ValueError(f"{path} must hold numbers as features, got {rows.dtype}.")
    if rows.ndim != 2 or len(rows) != len(ids):
        raise ValueError(
            f"{path} must hold one row of features an id, got {list(rows.shape)} for {len(ids)}."
        )
    if not ids:
        raise ValueError(f"{path} must hold at least one record, got none.")
    if len(set(ids)) != len(ids):
        raise ValueError(f"{path} must hold each id once, got {len(ids) - len(set(ids))} again.")
    found = FeatureSet(ids, rows)
    _require_numbers(path, found)
    return found


def _list_of(values: np.ndarray) -> list:
    if values.ndim != 1:
        raise ValueError(f"`ids` must be a list, got the shape {list(values.shape)}.")
    return values.tolist()


def stored_parts(path: Path) -> dict[str, FeatureSet]:
    """Return the parts that `stream_features` was told of, by key; none for any other file."""
    if not path.exists():
        return {}
    found = map_features(path)
    with np.load(path) as arrays:
        if "parts" not in arrays:
            return {}
        keys, sizes = arrays["parts"].tolist(), arrays["part_rows"].tolist()
    starts = np.cumsum([0, *sizes]).tolist()
    return {
        key: FeatureSet(found.ids[start : start + size], found.rows[start : start + size])
        for key, start, size in zip(keys, starts[:-1], sizes, strict=True)
    }


def read_features(path: Path) -> dict[str, np.ndarray]:
    """Return features, float64 [d], by image id; ValueError as `map_features`."""
    found = map_features(path)
    return dict(zip(found.ids, found.rows.astype(np.float64), strict=True))


def _require_numbers(path: Path, found: FeatureSet) -> None:
    for start in range(0, len(found.ids), ROWS):
        broken = ~np.isfinite(found.rows[start : start + ROWS]).all(1)
        if broken.any():
            row = start + int(broken.argmax())
            kind = "NaN" if np.isnan(found.rows[row]).any() else "an infinite value"
            raise ValueError(f"{path} must hold numbers, got {kind} for {found.ids[row]}.")


def _mapped(path: Path) -> np.ndarray:
    """Return the member `features` of an .npz, mapped where it is stored, loaded where packed."""
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo("features.npy")
        if member.compress_type != zipfile.ZIP_STORED:
            with np.load(path) as arrays:
                return arrays["features"]
        with archive.open(member) as file:
            np.lib.format.read_magic(file)
            shape, by_column, kind = np.lib.format.read_array_header_1_0(file)
            inside = file.tell()
    if kind.hasobject:  # mapped, its bytes would be taken for addresses
        raise ValueError("features that are objects")
    with path.open("rb") as file:
        file.seek(member.header_offset)
        name, extra = struct.unpack("<HH", file.read(LOCAL_HEADER)[-4:])
    offset = member.header_offset + LOCAL_HEADER + name + extra + inside
    order = "F" if by_column else "C"
    return np.memmap(path, dtype=kind, mode="r", shape=shape, offset=offset, order=order)
