"""FID and KID of a feature file against the real images' one, overall and by category.

FID is the Fréchet distance on Inception's features. Below as many images as there are features a
covariance is singular and the distance mostly measures that: there a warning stands in the result
and the kernel distance in place of the Fréchet one.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.distances import (
    KERNEL_SEED,
    KERNEL_SUBSETS,
    SUBSET_SIZE,
    Moments,
    frechet_of_moments,
    gather,
    subset_distance,
)
from benchmarks.mjhq_fid.features import FEATURES, Chosen, FeatureSet, map_features
from benchmarks.mjhq_fid.folder import read_meta
from benchmarks.mjhq_fid.paired import plain
from benchmarks.records import read_judged, require_complete, whole_file
from benchmarks.results import Item, Metric, Results

INCEPTION = "inception_v3_compat-"
"""How the label of Inception with the official weights begins: a distance on others is not FID."""
STATISTICS = "statistics"
"""Folder of cached statistics, beside the real images' features."""

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Set:
    """One side of a comparison: its features, the row numbers of each category, a cache."""

    features: FeatureSet
    categories: Mapping[str, np.ndarray]
    cache: Path | None = None
    digest: str = ""

    def moments(self, category: str) -> Moments:
        """Return the moments of a category, from the cache if they are there."""
        rows, width = self.categories[category], self.features.rows.shape[1]
        if self.cache is None:
            return gather(self.features.chunks(rows), width)
        chosen = hashlib.sha256(rows.astype("<i8").tobytes()).hexdigest()[:16]
        path = self.cache / f"{self.digest}-{chosen}.npz"
        if path.exists():
            with np.load(path) as arrays:
                return Moments(int(arrays["count"]), arrays["mean"], arrays["scatter"])
        found = gather(self.features.chunks(rows), width)
        with whole_file(path) as partial, partial.open("wb") as file:
            np.savez(file, count=found.count, mean=found.mean, scatter=found.scatter)
        return found

    def chosen(self, part: str) -> Chosen:
        """Return the rows of a category, or of all images for the empty name."""
        numbers = self.categories[part] if part else np.arange(len(self.features.ids))
        return Chosen(self.features.rows, numbers)


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
    if manifests[0]["judge"] != manifests[1]["judge"]:
        raise ValueError(
            f"both feature files must come from one extractor, got {manifests[0]['label']} "
            f"and {manifests[1]['label']}: {_differing(manifests)}."
        )
    made, real = (map_features(path) for path in paths)
    missing = require_complete("features", meta, made.ids, allow_missing)
    require_complete("reference features", meta, real.ids, allow_missing)
    with paths[1].open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()[:32]
    sides = (
        _Set(real, _by_category(real, meta), cache or paths[1].parent / STATISTICS, digest),
        _Set(made, _by_category(made, meta)),
    )
    metrics, warnings = _metrics(sides, manifests[0]["label"])
    for warning in warnings:
        log.warning(warning)
    protocol = {
        **manifests[0],
        "missing": missing,
        "reference": {"features_sha256": digest, "n": len(real.ids)},
        "kernel": {"subsets": KERNEL_SUBSETS, "size": SUBSET_SIZE, "seed": KERNEL_SEED},
        "warnings": warnings,
    }
    return Results(
        benchmark="mjhq_fid",
        protocol=protocol,
        n_expected=len(meta),
        n_scored=len(made.ids),
        metrics=metrics,
        items=_items(metrics),
    )


def _differing(manifests: Sequence[Mapping[str, Any]]) -> str:
    first, second = (manifest["judge"] for manifest in manifests)
    name = next(key for key in {**first, **second} if first.get(key) != second.get(key))
    return f"{name} {first.get(name)!r} and {second.get(name)!r}"


def _by_category(
    features: FeatureSet, meta: Mapping[str, Mapping[str, str]]
) -> dict[str, np.ndarray]:
    """Return the row numbers of each category, in the order of the meta file's categories."""
    found: dict[str, list[int]] = {entry["category"]: [] for entry in meta.values()}
    for row, name in enumerate(features.ids):
        found[meta[name]["category"]].append(row)
    return {category: np.array(rows) for category, rows in found.items() if rows}


def _metrics(sides: tuple[_Set, _Set], label: str) -> tuple[dict[str, Metric], list[str]]:
    """Return the metrics of each category and of all images, and what to be warned of.

    The moments of all images are those of the categories, joined: no row is read twice.
    """
    whole = [Moments.empty(side.features.rows.shape[1]) for side in sides]
    metrics: dict[str, Metric] = {}
    warnings: list[str] = []
    for category in dict.fromkeys([*sides[0].categories, *sides[1].categories]):
        parts = [side.moments(category) if category in side.categories else None for side in sides]
        for total, moments in zip(whole, parts, strict=True):
            if moments:
                total.add(moments)
        if parts[0] and parts[1]:
            _compare(category, sides, (parts[0], parts[1]), label, metrics, warnings)
    _compare("", sides, (whole[0], whole[1]), label, metrics, warnings)
    return metrics, warnings


def _compare(
    part: str,
    sides: tuple[_Set, _Set],
    moments: tuple[Moments, Moments],
    label: str,
    metrics: dict[str, Metric],
    warnings: list[str],
) -> None:
    """Add the metrics of one category, or of all images for the empty name, or a warning."""
    frechet, kernel = ("fid", "kid") if label.startswith(INCEPTION) else ("fd", "kd")
    size, width = min(side.count for side in moments), len(moments[0].mean)
    suffix = f"{f'.{part}' if part else ''}@{label}-n{size}"
    if size >= width:
        metrics[f"mjhq.{frechet}{suffix}"] = plain(frechet_of_moments(*moments), size)
    else:
        warnings.append(
            f"{part or 'all images'}: {frechet} is not well defined for {size} images of "
            f"{width} features, {kernel} stands in its place"
        )
    if size >= 2 and (size < width or not part):
        value, spread = subset_distance(sides[0].chosen(part), sides[1].chosen(part))
        metrics[f"mjhq.{kernel}{suffix}"] = plain(value, size)
        if size > SUBSET_SIZE:
            metrics[f"mjhq.{kernel}_spread{suffix}"] = plain(spread, size)


def _items(metrics: Mapping[str, Metric]) -> list[Item]:
    """Return one item a metric: a distance is of a set, no image has one of its own."""
    return [
        Item(name=name, cluster=name, stratum=name.partition("@")[0], value=metric.value)
        for name, metric in metrics.items()
    ]
