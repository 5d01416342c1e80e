"""Two feature sets, category by category: the Fréchet distance, or the kernel distance instead.

FID is the Fréchet distance on Inception's features. Below as many images as there are features a
covariance is singular and the distance mostly measures that: there a warning stands in the result
and the kernel distance in place of the Fréchet one.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
from benchmarks.mjhq_fid.features import Chosen, FeatureSet
from benchmarks.mjhq_fid.paired import plain
from benchmarks.records import whole_file
from benchmarks.results import Item, Metric, Results

log = logging.getLogger(__name__)

INCEPTION = "inception_v3_compat-"
"""How the label of Inception with the official weights begins: a distance on others is not FID."""
STATISTICS = "statistics"
"""Folder of cached statistics, beside the real images' features."""
KERNEL = {"subsets": KERNEL_SUBSETS, "size": SUBSET_SIZE, "seed": KERNEL_SEED}
"""How the kernel distance is drawn, for the protocol."""


@dataclass(frozen=True)
class Side:
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
        """Return the rows of a category, or of all categories for the empty name."""
        numbers = [self.categories[part]] if part else list(self.categories.values())
        return Chosen(self.features.rows, np.sort(np.concatenate(numbers)))


@dataclass(frozen=True)
class Comparison:
    """The metrics `<prefix>.fid` and so on of two sides, and what to be warned of.

    `label` says who made the features of both.
    """

    prefix: str
    label: str
    sides: tuple[Side, Side]
    metrics: dict[str, Metric] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def compare_all(self) -> None:
        """Compare each category of both sides, then all images.

        The moments of all images are those of the categories, joined: no row is read twice.
        """
        whole = [Moments.empty(side.features.rows.shape[1]) for side in self.sides]
        for category in dict.fromkeys([*self.sides[0].categories, *self.sides[1].categories]):
            parts = [
                side.moments(category) if category in side.categories else None
                for side in self.sides
            ]
            for total, moments in zip(whole, parts, strict=True):
                if moments:
                    total.add(moments)
            if parts[0] and parts[1]:
                self.compare(category, (parts[0], parts[1]))
        self.compare("", (whole[0], whole[1]))

    def compare(self, part: str, moments: tuple[Moments, Moments]) -> None:
        """Add the metrics of one category, or of all images for the empty name, or a warning."""
        frechet, kernel = ("fid", "kid") if self.label.startswith(INCEPTION) else ("fd", "kd")
        size, width = min(side.count for side in moments), len(moments[0].mean)
        suffix = f"{f'.{part}' if part else ''}@{self.label}-n{size}"
        if size >= width:
            value = plain(frechet_of_moments(*moments), size)
            self.metrics[f"{self.prefix}.{frechet}{suffix}"] = value
        else:
            self.warnings.append(
                f"{part or 'all images'}: {frechet} is not well defined for {size} images of "
                f"{width} features, {kernel} stands in its place"
            )
        if size >= 2 and (size < width or not part):
            real, made = (side.chosen(part) for side in self.sides)
            value, spread = subset_distance(real, made)
            self.metrics[f"{self.prefix}.{kernel}{suffix}"] = plain(value, size)
            if size > SUBSET_SIZE:
                self.metrics[f"{self.prefix}.{kernel}_spread{suffix}"] = plain(spread, size)

    def results(
        self, benchmark: str, manifest: Mapping[str, Any], missing: Any, expected: int
    ) -> Results:
        """Return the metrics with their protocol; a warning is logged as well.

        Each metric is one item: a distance is of a set, no image has one of its own.
        """
        for warning in self.warnings:
            log.warning(warning)
        real, made = self.sides
        count = sum(map(len, real.categories.values()))
        return Results(
            benchmark=benchmark,
            protocol={
                **manifest,
                "missing": missing,
                "reference": {"features_sha256": real.digest, "n": count},
                "kernel": KERNEL,
                "warnings": self.warnings,
            },
            n_expected=expected,
            n_scored=len(made.features.ids),
            metrics=self.metrics,
            items=[
                Item(name=name, cluster=name, stratum=name.partition("@")[0], value=metric.value)
                for name, metric in self.metrics.items()
            ],
        )


def require_one_extractor(manifests: Sequence[Mapping[str, Any]]) -> None:
    """ValueError unless both feature files were made alike; names what differs."""
    first, second = (manifest["judge"] for manifest in manifests)
    if first != second:
        name = next(key for key in {**first, **second} if first.get(key) != second.get(key))
        raise ValueError(
            f"both feature files must come from one extractor, got {manifests[0]['label']} "
            f"and {manifests[1]['label']}: {name} {first.get(name)!r} and {second.get(name)!r}."
        )


def file_digest(path: Path) -> str:
    """Return what the statistics of a feature file are cached under."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:32]
