"""The opponent for series: the class of those training series that are nearest when time may be stretched."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from trainbook.baselines.baseline import Baseline, only
from trainbook.baselines.features import channels, holds_series
from trainbook.columns import Array
from trainbook.faults import Fault

AT_ONCE = 2**28
"""Bytes of the table of distances that is worked on at once."""
Numbers = NDArray[np.float64]


class NearestNeighbour(Baseline):
    """Votes of the nearest training series by dynamic time warping, all channels together.

    Two series are laid beside each other step by step, each step of either as often as needed, so that the sum of the squared
    distances of their steps is least. Channels have mean 0 and deviation 1 in training; a missing value counts as the mean.
    A vote is the share of a class; one vote more is shared out among all classes, so that no chance is 0. Of as many votes the
    class of the nearest one wins.

    Each of n series is compared with each of m by length x length cells: hours for thousands of long series.

    Source: Sakoe and Chiba, "Dynamic programming algorithm optimization for spoken word recognition", 1978; without a window.

    Args:
        classes: their names, from the facts.
        neighbours: how many vote.
    """

    def __init__(self, classes: Sequence[str] = (), neighbours: int = 1) -> None:
        if neighbours < 1:
            raise ValueError(f"neighbours of at least 1 were expected; got {neighbours}")
        self.classes, self.neighbours = len(classes), neighbours
        self.known: list[Numbers] = []
        self.labels: NDArray[np.int64] = np.empty(0, np.int64)
        self.mean = self.scale = np.empty(0)

    def fit(self, inputs: Mapping[str, Array], targets: Mapping[str, Array]) -> None:
        self.labels = only(targets)
        if self.labels.ndim > 1:
            raise Fault("This baseline takes one class a series; got several labels. Take another, or baselines=none.")
        steps = np.concatenate([channels(each) for each in _series(inputs)])
        known = np.where(np.isnan(steps), 0, 1)
        counts = np.maximum(known.sum(axis=0), 1)
        self.mean = np.nan_to_num(steps).sum(axis=0) / counts
        deviation = np.sqrt((known * (np.nan_to_num(steps) - self.mean) ** 2).sum(axis=0) / counts)
        self.scale = np.where(deviation > 0, deviation, 1.0)
        self.known = self._scaled(_series(inputs))

    def predict(self, inputs: Mapping[str, Array]) -> NDArray[np.floating[Any]]:
        given = self._scaled(_series(inputs))
        row = 16 * (max(map(len, self.known)) + 1) * len(self.known)
        some = max(1, AT_ONCE // row)
        starts = tqdm(range(0, len(given), some), desc="Warping", disable=None, leave=False)
        return np.concatenate([self._votes(warped(given[start : start + some], self.known)) for start in starts])

    def _votes(self, distances: Numbers) -> Numbers:
        """Chances (n, classes) from distances to the training series (n, known)."""
        nearest = np.argsort(distances, axis=1, kind="stable")[:, : self.neighbours]
        classes = max(self.classes, int(self.labels.max()) + 1)
        votes = np.eye(classes)[self.labels[nearest]]
        counted = votes.sum(axis=1) + 1 / classes + 1e-6 * votes[:, 0]
        chances: Numbers = counted / counted.sum(axis=1, keepdims=True)
        return chances

    def _scaled(self, series: Array) -> list[Numbers]:
        return [np.nan_to_num((channels(each) - self.mean) / self.scale) for each in series]


def warped(some: Sequence[Numbers], others: Sequence[Numbers]) -> Numbers:
    """Distances (some, others) by dynamic time warping, of series (length, channels) of 1 step or more: least sums of squares.

    One cell of the table of steps is filled for all pairs at once.
    """
    rows, columns = max(map(len, some)), max(map(len, others))
    one, other = _padded(some, rows), _padded(others, columns)
    sizes = (one**2).sum(axis=2), (other**2).sum(axis=2)
    ends, stops = np.array([*map(len, some)]) - 1, np.array([*map(len, others)]) - 1
    above = np.full((columns + 1, len(some), len(others)), np.inf)
    above[0] = 0
    found = np.empty((len(some), len(others)))
    for row in range(rows):
        here = np.full_like(above, np.inf)
        for column in range(columns):
            apart = sizes[0][:, row, np.newaxis] + sizes[1][:, column] - 2 * np.einsum("sc,oc->so", one[:, row], other[:, column])
            before = np.minimum(np.minimum(above[column], above[column + 1]), here[column])
            here[column + 1] = np.maximum(apart, 0) + before
        ending = ends == row
        found[ending] = here[stops + 1, :, np.arange(len(others))].T[ending]
        above = here
    return found


def _padded(series: Sequence[Numbers], length: int) -> Numbers:
    return np.stack([np.pad(each, ((0, length - len(each)), (0, 0))) for each in series])


def _series(inputs: Mapping[str, Array]) -> Array:
    found = [values for values in inputs.values() if holds_series(values)]
    if len(found) != 1 or len(inputs) != 1 or not min(map(len, found[0])):
        raise Fault(
            f"This baseline takes one column of series, each of a step at least; got {', '.join(inputs)}. "
            "Take another, or baselines=none."
        )
    return found[0]
