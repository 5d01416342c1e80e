"""Distances between two sets of feature vectors: Fréchet (FID's formula) and kernel (KID's).

Mean and covariance are gathered a chunk of rows at a time, so that memory depends on the number of
features and not on the number of images.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from threadpoolctl import threadpool_limits

FEWEST = 3
"""Images that a kernel distance and its error need."""
KERNEL_SUBSETS, SUBSET_SIZE = 100, 1000
KERNEL_SEED = 2020
"""Defaults of torch-fidelity's KID, which `subset_distance` follows."""


class Rows(Protocol):
    """Feature rows that need not be in memory: an array, a mapped file, a choice of its rows."""

    def __len__(self) -> int: ...

    def __getitem__(self, numbers: np.ndarray, /) -> np.ndarray:
        """Return the rows [k, d] of these numbers [k]."""
        ...


@dataclass
class Moments:
    """Count, mean [d] and scatter [d, d] (the sum of products of deviations) of rows seen so far.

    Chunks are joined by the update of Chan, Golub and LeVeque (1979), whose sums do not cancel.
    """

    count: int
    mean: np.ndarray
    scatter: np.ndarray

    @classmethod
    def empty(cls, dimensions: int) -> "Moments":
        """Return the moments of no rows."""
        return cls(0, np.zeros(dimensions), np.zeros((dimensions, dimensions)))

    @classmethod
    def of(cls, rows: np.ndarray) -> "Moments":
        """Return the moments of rows [n, d], n at least 1."""
        mean = rows.mean(0, dtype=np.float64)
        deviations = rows - mean
        return cls(len(rows), mean, deviations.T @ deviations)

    def add(self, other: "Moments") -> None:
        """Take in the rows that `other` has seen."""
        if not other.count:
            return
        count = self.count + other.count
        move = other.mean - self.mean
        self.scatter += other.scatter
        if self.count:
            self.scatter += np.outer(move * (self.count * other.count / count), move)
        self.mean = self.mean + move * (other.count / count)
        self.count = count

    @property
    def covariance(self) -> np.ndarray:
        """Return the unbiased covariance [d, d]; ValueError below two rows."""
        if self.count < 2:
            raise ValueError(f"a covariance must have at least 2 images, got {self.count}.")
        return self.scatter / (self.count - 1)


def gather(chunks: Iterable[np.ndarray], dimensions: int) -> Moments:
    """Return the moments of all rows of `chunks`, [n_i, d] each."""
    moments = Moments.empty(dimensions)
    for chunk in chunks:
        moments.add(Moments.of(chunk))
    return moments


def frechet_distance(real: np.ndarray, made: np.ndarray) -> float:
    """Return the Fréchet distance of two feature sets [n, d] and [n', d]."""
    return frechet_of_moments(Moments.of(real), Moments.of(made))


def frechet_of_moments(real: Moments, made: Moments) -> float:
    """Return |m - m'|^2 + tr(C + C' - 2 (C C')^(1/2)).

    By symmetric eigendecompositions, which always end and stay real: C C' has the eigenvalues of
    C^(1/2) C' C^(1/2). ValueError if the numbers of features differ.
    """
    if real.mean.shape != made.mean.shape:
        raise ValueError(
            f"both feature sets must have the same features, got {len(real.mean)} "
            f"and {len(made.mean)}."
        )
    first, second = real.covariance, made.covariance
    with threadpool_limits(
        1
    ):  # OpenBLAS's threads wait by spinning: 50 times slower on a busy core
        values, vectors = np.linalg.eigh(first)
        root = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
        product = np.linalg.eigvalsh(root @ second @ root)
    means = real.mean - made.mean
    shared = np.sqrt(product.clip(min=0)).sum()
    return float(means @ means + np.trace(first) + np.trace(second) - 2 * shared)


def _kernel(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the polynomial kernel (x y / d + 1)^3 of [n, d] and [m, d]: [n, m]."""
    return (rows @ others.T / rows.shape[1] + 1) ** 3


def kernel_distance(real: np.ndarray, made: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the unbiased squared MMD of two sets [n, d] under (x y / d + 1)^3, and its jackknife.

    Row i of both sets has the same caption, so that no row is compared with its own. The second
    value holds a pseudo-value [n] for each pair of rows: their mean is the distance, their spread
    gives its error. ValueError below FEWEST rows.
    """
    size = len(real)
    if size < FEWEST:
        raise ValueError(f"a kernel distance must have at least {FEWEST} images, got {size}.")
    across = _kernel(real, made)
    kernel = _kernel(real, real) + _kernel(made, made) - across - across.T
    np.fill_diagonal(kernel, 0)
    rows, total = kernel.sum(1), kernel.sum()
    value = total / (size * (size - 1))
    without = (total - 2 * rows) / ((size - 1) * (size - 2))
    return float(value), size * value - (size - 1) * without


def unbiased_mmd(real: np.ndarray, made: np.ndarray) -> float:
    """Return the unbiased squared MMD of two sets [n, d] of unrelated rows (Binkowski et al. 2018,
    arXiv 1801.01401); ValueError below two rows.
    """
    if min(len(real), len(made)) < 2:
        raise ValueError(
            f"a kernel distance must have at least 2 images, got {min(len(real), len(made))}."
        )
    within = 0.0
    for rows in (real, made):
        kernel = _kernel(rows, rows)
        within += (kernel.sum() - np.trace(kernel)) / (len(rows) * (len(rows) - 1))
    return float(within - 2 * _kernel(real, made).mean())


def subset_distance(
    real: Rows, made: Rows, subsets: int = KERNEL_SUBSETS, size: int = SUBSET_SIZE
) -> tuple[float, float]:
    """Return mean and spread of `unbiased_mmd` over random subsets of [n, d] and [m, d]: KID.

    The draws are torch-fidelity's, so that the same features give the same number. Sets with no
    more than `size` rows are compared whole, once. Only a subset's rows are in memory.
    """
    sets = (real, made)
    if max(map(len, sets)) <= size:
        return unbiased_mmd(*(_numbers(rows[np.arange(len(rows))]) for rows in sets)), 0.0
    size = min(size, *map(len, sets))
    random = np.random.RandomState(KERNEL_SEED)
    found = np.zeros(subsets)
    for index in range(subsets):
        chosen = [random.choice(len(rows), size, replace=False) for rows in sets]
        drawn = [_numbers(rows[numbers]) for rows, numbers in zip(sets, chosen, strict=True)]
        found[index] = unbiased_mmd(*drawn)
    return float(found.mean()), float(found.std())


def _numbers(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows, dtype=np.float64)
