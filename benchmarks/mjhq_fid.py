"""MJHQ: how far generated images lie, as a set, from real ones of the same captions.

The official benchmark (Playground v2.5, arXiv 2402.17245) is the FID of 30,000 images. Here any
feature extractor serves, and its name, size and number of images stand in the metric's name; on
features other than Inception's the distance is never called FID. Beside the Fréchet distance stand
the unbiased kernel distance, overall and by category, and both between two sets of real images.
"""

from pathlib import Path

import numpy as np

from benchmarks.images import draw, image_batches, write_image
from benchmarks.judges import FeatureJudge
from benchmarks.protocol import Model, Request
from benchmarks.records import (
    read_json,
    read_judged,
    read_manifest,
    require_complete,
    whole_file,
    write_generated,
    write_judged,
)
from benchmarks.results import Item, Metric, Results

FEATURES = "features.npz"
REFERENCE = "reference.npz"
"""Features of the real images by the same ids; stands beside the prompt file."""
AGAIN = "again.npz"
"""Features of as many other real images."""
FEWEST = 3
"""Images that a kernel distance and its error need; a category with fewer has no row."""


def image_name(category: str, identifier: str) -> str:
    """Return the official path of an image."""
    return f"{category}/{identifier}.png"


def generate(model: Model, prompts_path: Path, out_dir: Path) -> None:
    """Draw one image a prompt of the meta file; its seed is the prompt's running number."""
    prompts = read_json(prompts_path)
    names = [image_name(entry["category"], identifier) for identifier, entry in prompts.items()]
    requests = [
        Request(entry["prompt"], seed=number) for number, entry in enumerate(prompts.values())
    ]
    for name, image in zip(names, draw(model, requests), strict=True):
        write_image(out_dir / name, image)
    write_generated(
        out_dir,
        prompts_path,
        model.protocol,
        images_per_prompt=1,
        seeds="running number of the prompt",
    )


def judge(
    judge: FeatureJudge,
    images_dir: Path,
    prompts_path: Path,
    out_dir: Path,
    allow_missing: bool = False,
) -> None:
    """Write features.npz: `ids` and `features`, float16 [n, d]."""
    prompts = read_json(prompts_path)
    manifest = read_manifest(images_dir, prompts_path)
    names = [image_name(entry["category"], identifier) for identifier, entry in prompts.items()]
    judged: list[str] = []
    features: list[np.ndarray] = []
    for batch, images in image_batches(images_dir, names):
        judged += batch
        features.append(judge.features(images))
    require_complete("images", names, judged, allow_missing)
    write_features(
        out_dir / FEATURES, [Path(name).stem for name in judged], np.concatenate(features)
    )
    write_judged(out_dir, manifest, judge)


def write_features(path: Path, ids: list[str], features: np.ndarray) -> None:
    """Write features [n, d] as float16 with their image ids."""
    with whole_file(path) as partial, partial.open("wb") as file:
        np.savez(file, ids=np.array(ids), features=features.astype(np.float16))


def read_features(path: Path) -> dict[str, np.ndarray]:
    """Return features, float64 [d], by image id; ValueError for duplicate ids or a NaN."""
    with np.load(path) as arrays:
        ids, features = arrays["ids"].tolist(), arrays["features"].astype(np.float64)
    if len(set(ids)) != len(ids):
        raise ValueError(f"{path} must hold each id once, got {len(ids) - len(set(ids))} again.")
    if broken := [name for name, row in zip(ids, features, strict=True) if np.isnan(row).any()]:
        raise ValueError(f"{path} must hold numbers, got NaN for {broken[0]}.")
    return dict(zip(ids, features, strict=True))


def score(records_path: Path, prompts_path: Path, allow_missing: bool = False) -> Results:
    """Return the distances of the generated images to the real ones beside the prompt file."""
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
        f"mjhq.fd@{overall}": _plain(frechet_distance(real_set, made_set), len(ids)),
        f"mjhq.fd.real@{overall}": _plain(frechet_distance(real_set, again), size),
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


def _plain(value: float, size: int) -> Metric:
    """Return a metric without interval: resampling repeats images, which biases the distance."""
    return Metric(value=value, ci_low=None, ci_high=None, n=size, higher_is_better=False)


def _with_interval(value: float, influences: np.ndarray) -> Metric:
    """Return a metric with the jackknife's 95% interval."""
    margin = 1.96 * float(influences.std(ddof=1)) / len(influences) ** 0.5
    return Metric(
        value=value,
        ci_low=value - margin,
        ci_high=value + margin,
        n=len(influences),
        higher_is_better=False,
    )


def frechet_distance(real: np.ndarray, made: np.ndarray) -> float:
    """Return |m - m'|^2 + tr(C + C' - 2 (C C')^(1/2)) of two feature sets [n, d] and [n', d].

    By symmetric eigendecompositions: C C' has the eigenvalues of C^(1/2) C' C^(1/2).
    """
    covariances = [np.cov(rows, rowvar=False) for rows in (real, made)]
    values, vectors = np.linalg.eigh(covariances[0])
    root = vectors * np.sqrt(values.clip(min=0)) @ vectors.T
    product = np.linalg.eigvalsh(root @ covariances[1] @ root)
    means = real.mean(0) - made.mean(0)
    traces = sum(np.trace(covariance) for covariance in covariances)
    return float(means @ means + traces - 2 * np.sqrt(product.clip(min=0)).sum())


def kernel_distance(real: np.ndarray, made: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the unbiased squared MMD of two sets [n, d] under (x y / d + 1)^3, and its jackknife.

    Row i of both sets has the same caption, so that no row is compared with its own. The second
    value holds a pseudo-value [n] for each pair of rows: their mean is the distance, their spread
    gives its error. ValueError below FEWEST rows.
    """
    size = len(real)
    if size < FEWEST:
        raise ValueError(f"a kernel distance must have at least {FEWEST} images, got {size}.")
    within_real, within_made, across = (
        (rows @ others.T / real.shape[1] + 1) ** 3
        for rows, others in ((real, real), (made, made), (real, made))
    )
    kernel = within_real + within_made - across - across.T
    np.fill_diagonal(kernel, 0)
    rows, total = kernel.sum(1), kernel.sum()
    value = total / (size * (size - 1))
    without = (total - 2 * rows) / ((size - 1) * (size - 2))
    return float(value), size * value - (size - 1) * without
