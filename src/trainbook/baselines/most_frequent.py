"""The trivial opponent: whatever the input, it answers what is most frequent."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainbook.baselines.baseline import Baseline, only
from trainbook.columns import Array


class MostFrequent(Baseline):
    """The shares of the training rows as chances: the most frequent class wins, and the loss is finite.

    Args:
        classes: their names, from the facts; none for labels.
    """

    def __init__(self, classes: Sequence[str] = ()) -> None:
        self.classes = len(classes)
        self.shares = np.empty(0)

    def fit(self, inputs: Mapping[str, Array], targets: Mapping[str, Array]) -> None:
        target = only(targets)
        counts = np.bincount(target, minlength=self.classes) if target.ndim == 1 else target.sum(0)
        self.shares = counts / len(target)

    def predict(self, inputs: Mapping[str, Array]) -> NDArray[np.floating[Any]]:
        return np.tile(self.shares, (len(next(iter(inputs.values()))), 1))
