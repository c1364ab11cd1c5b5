"""Correlations: which numbers go up and down together."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from trainbook.portrait.features import Feature

COLUMNS, ROWS = 2000, 10_000
"""The first so many columns, and so many evenly spaced rows, are looked at: more would only take longer."""
FLAT = 1e-10
"""A variance, of values whose own is 1, below which a column counts as constant in the rows of a pair."""
Matrix = NDArray[np.float64]


def numbers(features: Sequence[Feature]) -> list[Feature]:
    """Those that are looked at."""
    return [feature for feature in features if feature.kind == "number"][:COLUMNS]


def correlations(features: Sequence[Feature]) -> Matrix:
    """Pearson's r of each pair of numbers, over the training rows that have both: (k, k), NaN where one is constant."""
    if not features:
        return np.empty((0, 0))
    rows = len(features[0].values["train"])
    chosen = np.unique(np.linspace(0, rows - 1, min(rows, ROWS)).astype(int))
    return pearson(np.stack([feature.values["train"][chosen].astype(np.float64) for feature in features], axis=1))


def pearson(values: Matrix) -> Matrix:
    """Of each pair of columns of (n, k), NaN = missing, by four products of matrices."""
    seen = np.isfinite(values)
    zero = np.where(seen, values, 0)
    count = np.maximum(seen.sum(axis=0), 1)
    zero = np.where(seen, zero - zero.sum(axis=0) / count, 0)  # about the mean and of one scale: nothing cancels below
    scale = np.sqrt((zero**2).sum(axis=0) / count)
    zero /= np.where(scale > 0, scale, 1)
    there = seen.astype(np.float64)
    together = np.maximum(there.T @ there, 1)
    sums = zero.T @ there
    squares = (zero**2).T @ there
    variance = squares / together - (sums / together) ** 2
    covariance = (zero.T @ zero) / together - sums * sums.T / together**2
    known = (variance > FLAT) & (variance.T > FLAT)
    product = np.sqrt(np.where(known, variance * variance.T, 1))
    found = np.where(known, np.clip(covariance / product, -1, 1), np.nan)
    np.fill_diagonal(found, np.where(known.diagonal(), 1, np.nan))
    return found


def strongest(matrix: Matrix, most: int) -> NDArray[np.int64]:
    """Places of the ``most`` columns with the strongest correlation to any other, those alike beside each other; else all."""
    if len(matrix) <= most:
        return np.arange(len(matrix))
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    strength = np.abs(np.nan_to_num(matrix))
    np.fill_diagonal(strength, 0)
    chosen = np.sort(np.argsort(-strength.max(axis=0), kind="stable")[:most])
    distance = 1 - np.clip((strength + strength.T) / 2, 0, 1)[np.ix_(chosen, chosen)]
    np.fill_diagonal(distance, 0)
    tree = linkage(squareform(distance, checks=False), "average", optimal_ordering=True)
    order: NDArray[np.int64] = chosen[leaves_list(tree)]
    return order


def pairs(matrix: Matrix, least: float) -> list[tuple[int, int, float]]:
    """Pairs whose |r| is at least so much, the strongest first."""
    upper = np.triu(np.abs(np.nan_to_num(matrix)), 1)
    found = [(int(one), int(other), float(matrix[one, other])) for one, other in np.argwhere(upper >= least)]
    return sorted(found, key=lambda pair: -abs(pair[2]))
