"""FID and KID of a feature file against the real images' one, overall and by category."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from benchmarks.mjhq_fid.comparison import (
    STATISTICS,
    Comparison,
    Side,
    file_digest,
    require_one_extractor,
)
from benchmarks.mjhq_fid.features import FEATURES, FeatureSet, map_features
from benchmarks.mjhq_fid.folder import read_meta
from benchmarks.records import read_judged, require_complete
from benchmarks.results import Results


def score_official(
    records: Path,
    reference: Path,
    meta_path: Path,
    allow_missing: bool = False,
    cache: Path | None = None,
) -> Results:
    """Return FID (or KID) of the features `records` to those of the real images in `reference`.

    Either path is a feature file or its folder. ValueError if two extractors made them or an id is
    not of the meta file; MissingItemsError names ids without features. Moments of the real images
    are cached in `cache` under the hash of their features.
    """
    meta = read_meta(meta_path)
    paths = [path / FEATURES if path.is_dir() else path for path in (records, reference)]
    manifests = [read_judged(path, meta_path) for path in paths]
    require_one_extractor(manifests)
    made, real = (map_features(path) for path in paths)
    missing = require_complete("features", meta, made.ids, allow_missing)
    require_complete("reference features", meta, real.ids, allow_missing)
    digest = file_digest(paths[1])
    sides = (
        Side(real, _by_category(real, meta), cache or paths[1].parent / STATISTICS, digest),
        Side(made, _by_category(made, meta)),
    )
    comparison = Comparison("mjhq", manifests[0]["label"], sides)
    comparison.compare_all()
    return comparison.results("mjhq_fid", manifests[0], missing, len(meta))


def _by_category(
    features: FeatureSet, meta: Mapping[str, Mapping[str, str]]
) -> dict[str, np.ndarray]:
    """Return the row numbers of each category, in the order of the meta file's categories."""
    found: dict[str, list[int]] = {entry["category"]: [] for entry in meta.values()}
    for row, name in enumerate(features.ids):
        found[meta[name]["category"]].append(row)
    return {category: np.array(rows) for category, rows in found.items() if rows}
