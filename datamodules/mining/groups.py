"""Which captions of a page belong together, and which of them is least like the others.

Clustering is scipy's, by average linkage on cosine distance: its result does not depend on the
order of the page. What the source says of it is one sentence, so threshold and size are fields.
"""

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage

ROUNDED = 6
"""Decimals to which likeness counts, so that a tie is one whatever sums come first."""


def groups(vectors: np.ndarray, threshold: float, largest: int) -> list[list[int]]:
    """Groups of two and more rows of unit vectors [n, d], each in the order of the page.

    Groups are joined as long as their mean cosine likeness is at least `threshold`; of one that
    has more than `largest` members the most typical stay.
    """
    if len(vectors) < 2:
        return []
    labels = fcluster(linkage(vectors, "average", "cosine"), 1 - threshold, "distance")
    members = [np.flatnonzero(labels == label) for label in dict.fromkeys(labels)]
    return [typical(vectors, one, largest) for one in members if len(one) > 1]


def typical(vectors: np.ndarray, members: np.ndarray, largest: int) -> list[int]:
    """At most `largest` members, those most like all others, in the order of the page."""
    order = np.argsort(-likeness(vectors[members]), kind="stable")
    return sorted(members[order[:largest]].tolist())


def likeness(vectors: np.ndarray) -> np.ndarray:
    """Of each of n unit vectors, the mean cosine likeness to the others, [n]."""
    products = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    return np.round((products.sum(1) - np.diag(products)) / (len(vectors) - 1), ROUNDED)


def odd_one(vectors: np.ndarray) -> int:
    """The row least like the others; of several the last, as a page leads up to its target."""
    found = likeness(vectors)
    return int(np.flatnonzero(found == found.min())[-1])
