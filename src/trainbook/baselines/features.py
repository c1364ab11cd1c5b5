"""Raw columns of any shape as the two matrices that scikit-learn takes: numbers and words."""

import math
from collections.abc import Mapping
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainbook.columns import Array
from trainbook.faults import Fault


def numbers(inputs: Mapping[str, Array]) -> NDArray[np.floating[Any]]:
    """Every column of numbers, flattened by row, side by side: (n, numbers), NaN = missing; of series what ``told`` says."""
    found = [_flat(values) for values in inputs.values() if values.dtype.kind in "biuf"]
    if all(values.dtype == object and not holds_series(values) for values in inputs.values()):
        raise Fault(f"This baseline takes numbers, categories or series; got {', '.join(inputs)}. Take baselines=text.")
    found += [np.stack([told(each) for each in values]) for values in inputs.values() if holds_series(values)]
    floats = [values.astype(np.result_type(values, np.float32)) for values in found]
    return np.hstack([np.empty((_rows(inputs), 0), np.float32), *floats])


def words(inputs: Mapping[str, Array]) -> NDArray[np.object_]:
    """Every column of text side by side: (n, words); "" is a word like any other."""
    found = [_flat(values).astype(object) for values in inputs.values() if values.dtype.kind == "U"]
    return np.hstack([np.empty((_rows(inputs), 0), object), *found])


def holds_series(values: Array) -> bool:
    """Whether a column has series of unequal length: an array (length, …) of numbers in each row."""
    return values.dtype == object and len(values) > 0 and all(isinstance(each, np.ndarray) for each in values)


def channels(series: Array) -> NDArray[np.float64]:
    """A series (length, …), also of one number a step, as (length, channels)."""
    return series.reshape(len(series), math.prod(series.shape[1:])).astype(np.float64)


def told(series: Array) -> NDArray[np.float64]:
    """A series (length, …) in numbers: its length; and of each channel mean, deviation, smallest, largest, first and last value,

    mean step from one value to the next, and mean size of such a step. Missing values are passed over; NaN where there are none.
    """
    about = [_about(channel[~np.isnan(channel)]) for channel in channels(series).T]
    return np.array([len(series), *chain.from_iterable(about)], np.float64)


def _about(values: NDArray[np.float64]) -> list[float]:
    if not len(values):
        return [np.nan] * 8
    steps = np.diff(values) if len(values) > 1 else np.zeros(1)
    spread = values.mean(), values.std(), values.min(), values.max()
    return [float(each) for each in (*spread, values[0], values[-1], steps.mean(), np.abs(steps).mean())]


def _flat(values: Array) -> Array:
    return values.reshape(len(values), -1)


def _rows(inputs: Mapping[str, Array]) -> int:
    return len(next(iter(inputs.values())))
