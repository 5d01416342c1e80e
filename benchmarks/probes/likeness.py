"""How far two sets of states of the same samples agree: common neighbours, and linear CKA.

Mutual nearest neighbours (Huh et al. 2024, arXiv 2405.07987): the sets agree as far as a sample's k
nearest others are the same ones in both. Nearness is the cosine. Linear CKA (Kornblith et al. 2019,
arXiv 1905.00414) compares all distances at once.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Neighbourhood:
    """`near` bool [samples, samples]: which others are among the `k` nearest of each sample."""

    near: np.ndarray
    k: int

    @classmethod
    def of(cls, states: np.ndarray, k: int, kinds: np.ndarray | None = None) -> "Neighbourhood":
        """Return the neighbours by cosine of states [samples, width], those of its kind alone if
        `kinds` [samples] are given; ValueError if there are not more than k samples to choose from,
        or a state is not finite.
        """
        require_enough(len(states), k, kinds)
        if not np.isfinite(states).all():
            raise ValueError("states must be finite, got NaN or infinity.")
        unit = states / np.maximum(np.linalg.norm(states, axis=1, keepdims=True), 1e-12)
        likeness = unit.astype(np.float64) @ unit.T
        np.fill_diagonal(likeness, -np.inf)
        if kinds is not None:
            likeness[kinds[:, None] != kinds] = -np.inf
        near = np.zeros(likeness.shape, bool)
        nearest = np.argsort(-likeness, axis=1, kind="stable")[:, :k]
        np.put_along_axis(near, nearest, True, axis=1)
        return cls(near, k)

    def shared(self, other: "Neighbourhood") -> np.ndarray:
        """Return the share of each sample's neighbours that it has in both, [samples]."""
        return (self.near & other.near).sum(1) / self.k

    def renamed(self, order: np.ndarray) -> "Neighbourhood":
        """Return the neighbours of the samples in another order."""
        return Neighbourhood(self.near[np.ix_(order, order)], self.k)


def require_enough(count: int, k: int, kinds: np.ndarray | None = None) -> None:
    """ValueError if k is below 1, or not below the number of samples (of each kind)."""
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}.")
    if count <= k:
        raise ValueError(f"k must be below the number of samples, {count}, got {k}.")
    if kinds is not None:
        names, sizes = np.unique(kinds, return_counts=True)
        if sizes.min() <= k:
            small = names[sizes.argmin()]
            raise ValueError(
                f"k must be below the number of samples of each kind, {sizes.min()} of {small!r}, "
                f"got {k}."
            )


def comparable(states: np.ndarray) -> np.ndarray:
    """Return states [samples, width] centred, and scaled so that they agree with themselves by 1;
    zeros where all are alike.
    """
    centred = states.astype(np.float64) - states.mean(0, dtype=np.float64)
    return centred / (np.linalg.norm(centred.T @ centred) ** 0.5 or 1.0)


def agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Return the linear CKA, in [0, 1], of two sets of comparable states."""
    return float(np.linalg.norm(first.T @ second) ** 2)


def linear_cka(first: np.ndarray, second: np.ndarray) -> float:
    """Return the centred kernel alignment of states [samples, width] each, in [0, 1]."""
    return agreement(comparable(first), comparable(second))
