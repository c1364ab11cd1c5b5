"""Leak: whether one feature alone tells the target, as no honest one does."""

import numpy as np
from numpy.typing import NDArray

from trainbook.columns import Array
from trainbook.portrait.features import Feature

ROWS = 20_000
"""Evenly spaced training rows that are learnt from."""
LEAST = 10
"""Validation rows outside of the most frequent class, below which nothing can be said."""
Ids = NDArray[np.int64]


def told(feature: Feature, train: Ids, validation: Ids) -> float:
    """How much of the mistakes of always saying the most frequent class one feature takes away, 0 or less to 1.

    What is said is the most frequent class of the training rows with the same value, or, of numbers, the nearest value (one
    nearest neighbour in one dimension); it is judged on validation, so that a value of its own for each row tells nothing.

    Args:
        train, validation: ids of the classes of these rows.
    """
    guess = np.bincount(train).argmax()
    mistakes = int((validation != guess).sum())
    if mistakes < LEAST:
        return 0.0
    chosen = np.unique(np.linspace(0, len(train) - 1, min(len(train), ROWS)).astype(int))
    known, ids = np.unique(feature.values["train"][chosen], return_inverse=True, equal_nan=True)
    classes = int(train.max()) + 1
    table = np.bincount(ids * classes + train[chosen], minlength=len(known) * classes).reshape(len(known), classes)
    said = table.argmax(axis=1)[_places(known, feature.values["validation"])]
    if feature.kind == "category":
        said = np.where(np.isin(feature.values["validation"], known), said, guess)
    return 1 - int((validation != said).sum()) / mistakes


def _places(known: Array, values: Array) -> Ids:
    """Of each value among ``known``, which ascend (NaN last): its own, or of numbers the nearest."""
    last = np.minimum(np.searchsorted(known, values), len(known) - 1)
    if known.dtype.kind not in "biuf":
        return last.astype(np.int64)
    before = np.maximum(last - 1, 0)
    numbers, wanted = known.astype(np.float64), values.astype(np.float64)
    with np.errstate(invalid="ignore"):  # infinite numbers
        nearer = np.abs(wanted - numbers[before]) < np.abs(numbers[last] - wanted)
    nearer |= np.isnan(numbers[last]) & ~np.isnan(wanted)  # beyond the largest number there may be the missing ones
    return np.where(nearer, before, last).astype(np.int64)
