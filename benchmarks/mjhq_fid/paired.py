"""Distances to the features that lie beside the prompts, row by row of the same captions.

Beside the Fréchet distance stand the unbiased kernel distance, overall and by category, and both
between two sets of real images.
"""

from pathlib import Path

import numpy as np
from scipy.special import stdtrit

from benchmarks.distances import FEWEST, frechet_distance, kernel_distance
from benchmarks.few_clusters import CONFIDENCE
from benchmarks.mjhq_fid.features import read_features
from benchmarks.records import read_json, read_judged, require_complete
from benchmarks.results import Item, Metric, Results

REFERENCE = "reference.npz"
"""Features of the real images by the same ids; stands beside the prompt file."""
AGAIN = "again.npz"
"""Features of as many other real images."""


def score(records_path: Path, prompts_path: Path, allow_missing: bool = False) -> Results:
    """Return the distances of the generated images to the real ones beside the prompt file.

    A category with fewer than FEWEST images has no row.
    """
    prompts = read_json(prompts_path)
    manifest = read_judged(records_path, prompts_path)
    made = read_features(records_path)
    missing = require_complete("features", prompts, made, allow_missing)
    ids = [name for name in prompts if name in made]
    reference = read_features(prompts_path.parent / REFERENCE)
    require_complete("reference features", prompts, reference, allow_missing=False)
    again = np.stack(list(read_features(prompts_path.parent / AGAIN).values()))
    real_set, made_set = (np.stack([rows[name] for name in ids]) for rows in (reference, made))
    label, categories = manifest["label"], np.array([prompts[name]["category"] for name in ids])
    overall = f"{label}-n{len(ids)}"
    distance, influences = kernel_distance(real_set, made_set)
    size = min(len(ids), len(again))
    metrics = {
        f"mjhq.fd@{overall}": plain(frechet_distance(real_set, made_set), len(ids)),
        f"mjhq.fd.real@{overall}": plain(frechet_distance(real_set, again), size),
        f"mjhq.kd@{overall}": _with_interval(distance, influences),
        f"mjhq.kd.real@{overall}": _with_interval(*kernel_distance(real_set[:size], again[:size])),
    }
    for category in sorted(set(categories.tolist())):
        chosen = categories == category
        if chosen.sum() < FEWEST:
            continue
        name = f"mjhq.kd.{category}@{label}-n{chosen.sum()}"
        metrics[name] = _with_interval(*kernel_distance(real_set[chosen], made_set[chosen]))
    return Results(
        benchmark="mjhq_fid",
        protocol={**manifest, "missing": missing, "reference": REFERENCE},
        n_expected=len(prompts),
        n_scored=len(ids),
        metrics=metrics,
        items=[
            Item(name=name, cluster=name, stratum=category, value=float(influence))
            for name, category, influence in zip(ids, categories, influences, strict=True)
        ],
    )


def plain(value: float, size: int) -> Metric:
    """Return a metric without interval: resampling repeats images, which biases the distance."""
    return Metric(value=value, ci_low=None, ci_high=None, n=size, higher_is_better=False)


def _with_interval(value: float, influences: np.ndarray) -> Metric:
    """Return a metric with the jackknife's 95% interval, that of t with so few images."""
    size = len(influences)
    widths = float(stdtrit(size - 1, (1 + CONFIDENCE) / 2))
    margin = widths * float(influences.std(ddof=1)) / size**0.5
    return Metric(
        value=value,
        ci_low=value - margin,
        ci_high=value + margin,
        n=size,
        higher_is_better=False,
    )
