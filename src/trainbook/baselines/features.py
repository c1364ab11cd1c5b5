"""Raw columns of any shape as the two matrices that scikit-learn takes: numbers and words."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainbook.columns import Array


def numbers(inputs: Mapping[str, Array]) -> NDArray[np.floating[Any]]:
    """Every column of numbers, flattened by row, side by side: (n, numbers), NaN = missing."""
    found = [_flat(values) for values in inputs.values() if values.dtype.kind in "biuf"]
    floats = [values.astype(np.result_type(values, np.float32)) for values in found]
    return np.hstack([np.empty((_rows(inputs), 0), np.float32), *floats])


def words(inputs: Mapping[str, Array]) -> NDArray[np.object_]:
    """Every column of text side by side: (n, words); "" is a word like any other."""
    found = [_flat(values).astype(object) for values in inputs.values() if values.dtype.kind == "U"]
    return np.hstack([np.empty((_rows(inputs), 0), object), *found])


def _flat(values: Array) -> Array:
    return values.reshape(len(values), -1)


def _rows(inputs: Mapping[str, Array]) -> int:
    return len(next(iter(inputs.values())))
