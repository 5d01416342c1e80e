"""FID of images drawn from a sample of COCO's captions to the real images of the same sample."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.coco_fid.captions import CATEGORY
from benchmarks.mjhq_fid.comparison import (
    STATISTICS,
    Comparison,
    Side,
    file_digest,
    require_one_extractor,
)
from benchmarks.mjhq_fid.features import FEATURES, FeatureSet, map_features
from benchmarks.mjhq_fid.folder import read_meta
from benchmarks.records import MANIFEST, read_json, read_judged, require_complete
from benchmarks.results import Results


def score(
    records: Path,
    reference: Path,
    sample_path: Path,
    allow_missing: bool = False,
    cache: Path | None = None,
) -> Results:
    """Return FID (or KID) of the features `records` to those of the sample's real images.

    Either path is a feature file or its folder; `reference` may hold more images than the sample.
    ValueError if two extractors made them; MissingItemsError names images of the sample without
    features. Moments of the real images are cached in `cache` under the hash of their features.
    """
    wanted = read_meta(sample_path)
    made_path, real_path = (
        path / FEATURES if path.is_dir() else path for path in (records, reference)
    )
    manifests = [read_judged(made_path, sample_path), _reference_manifest(real_path)]
    require_one_extractor(manifests)
    made, real = map_features(made_path), map_features(real_path)
    missing = require_complete("features", wanted, made.ids, allow_missing)
    known = [name for name in real.ids if name in wanted]
    require_complete("reference features", wanted, known, allow_missing=False)
    digest = file_digest(real_path)
    sides = (
        Side(real, _rows(real, wanted), cache or real_path.parent / STATISTICS, digest),
        Side(made, _rows(made, wanted)),
    )
    comparison = Comparison("coco", manifests[0]["label"], sides)
    comparison.compare("", (sides[0].moments(CATEGORY), sides[1].moments(CATEGORY)))
    return comparison.results("coco_fid", manifests[0], missing, len(wanted))


def _rows(features: FeatureSet, wanted: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Return the row numbers of the sample's images, as the one category."""
    return {CATEGORY: np.array([row for row, name in enumerate(features.ids) if name in wanted])}


def _reference_manifest(path: Path) -> dict[str, Any]:
    """Return how the real images' features came about; ValueError if nothing says."""
    beside = path.parent / MANIFEST
    manifest = read_json(beside) if beside.exists() else {}
    if "label" not in manifest:
        raise ValueError(f"{path} must lie beside the {MANIFEST} of its judge, got none.")
    return manifest
