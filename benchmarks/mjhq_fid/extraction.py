"""Images to a feature file, a part at a time.

A part's features are known by the hash of its images and of the extractor, so that an interrupted
step goes on where it stopped, and a changed image costs its part alone.
"""

import hashlib
import io
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.images import batched
from benchmarks.judges import FeatureJudge
from benchmarks.mjhq_fid.features import (
    FEATURES,
    FeatureSet,
    map_features,
    stored_parts,
    stream_features,
    write_features,
)
from benchmarks.mjhq_fid.folder import NAMED, PART, find_images, read_meta
from benchmarks.records import MissingItemsError, read_manifest, require_complete, write_judged
from benchmarks.sharding import current, joined

PARTS = "parts"
"""Folder of the parts of an unfinished step."""


@dataclass
class _Extraction:
    """What has been found so far: features by part, in order, and images that were unreadable."""

    parts: dict[str, FeatureSet] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    @property
    def ids(self) -> list[str]:
        return [name for part in self.parts.values() for name in part.ids]


def judge(
    judge: FeatureJudge,
    images_dir: Path,
    prompts_path: Path,
    out_dir: Path,
    allow_missing: bool = False,
) -> None:
    """Write features.npz: `ids` and `features`, float16 [n, d].

    MissingItemsError names absent and unreadable images, unless they are allowed; ValueError names
    an image of which a feature is no number.
    """
    meta = read_meta(prompts_path)
    manifest = read_manifest(images_dir, prompts_path)
    own = [name for number, name in enumerate(meta) if current().has(number, PART)]
    found = _extract(judge, images_dir, meta, own, out_dir, allow_missing)
    with joined(out_dir, {**manifest, "judge": dict(judge.protocol)}):
        if len(own) < len(meta):  # the others' parts are on disk
            found = _extract(judge, images_dir, meta, list(meta), out_dir, allow_missing)
        sets = list(found.parts.values())
        sizes = {key: len(part.ids) for key, part in found.parts.items()}
        rows = (part.rows for part in sets)
        stream_features(out_dir / FEATURES, found.ids, rows, sets[0].rows.shape[1], sizes)
        write_judged(out_dir, manifest, judge)
        shutil.rmtree(out_dir / PARTS, ignore_errors=True)


def _extract(
    judge: FeatureJudge,
    images_dir: Path,
    meta: Mapping[str, Mapping[str, str]],
    wanted: Sequence[str],
    out_dir: Path,
    allow_missing: bool,
) -> _Extraction:
    """Return the features of the images `wanted`, of those of the meta file.

    MissingItemsError names those that are absent or cannot be read, unless they may be.
    """
    images = find_images(images_dir, meta)
    there = [name for name in wanted if name in images]
    require_complete("images", wanted, there, allow_missing)
    found = _features(judge, [(name, images.get(name)) for name in wanted], out_dir)
    if found.broken and not allow_missing:
        listed = ", ".join(found.broken[:NAMED])
        raise MissingItemsError(
            f"images must be readable (or pass --allow-missing), "
            f"got {len(found.broken)} of {len(wanted)} damaged: {listed}."
        )
    require_complete("images", wanted, found.ids, allow_missing)
    return found


def _features(
    judge: FeatureJudge, images: Sequence[tuple[str, Path | None]], out_dir: Path
) -> _Extraction:
    """Return the features of images by id, part by part; those of a part that is known are not made
    again.
    """
    found, known = _Extraction(), stored_parts(out_dir / FEATURES)
    identity = json.dumps(dict(judge.protocol), sort_keys=True, default=str).encode()
    for part in batched(images, PART):
        contents = {name: path.read_bytes() for name, path in part if path}
        key = _key(identity, contents)
        path = out_dir / PARTS / f"{key}.npz"
        if key in known:
            found.parts[key] = known[key]
        elif path.exists():
            found.parts[key] = map_features(path)
        elif pixels := _decoded(contents):
            found.parts[key] = _judged(judge, pixels, path)
        readable = found.parts[key].ids if key in found.parts else []
        found.broken += [path.name for name, path in part if path and name not in readable]
    return found


def _judged(judge: FeatureJudge, pixels: Mapping[str, np.ndarray], path: Path) -> FeatureSet:
    """Return the features of a part, kept in `path` if they are numbers."""
    write_features(path, list(pixels), np.asarray(judge.features(list(pixels.values()))))
    try:
        return map_features(path)
    except ValueError:
        path.unlink()
        raise


def _key(identity: bytes, contents: Mapping[str, bytes]) -> str:
    digest = hashlib.sha256(identity)
    for name, content in contents.items():
        digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    return digest.hexdigest()[:32]


def _decoded(contents: Mapping[str, bytes]) -> dict[str, np.ndarray]:
    """Return uint8 [h, w, 3] of those that are whole images, as they are stored: FID's packages do
    not look at EXIF's orientation.
    """
    pixels: dict[str, np.ndarray] = {}
    for name, content in contents.items():
        try:
            with Image.open(io.BytesIO(content)) as image:
                pixels[name] = np.asarray(image.convert("RGB"))
        except (OSError, SyntaxError):  # what PIL raises for damage: the caller counts and names it
            continue
    return pixels
