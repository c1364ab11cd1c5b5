"""Raw values that come from anywhere, in the type that a data set has: cast only where nothing is lost."""

from typing import Any

import numpy as np

from trainbook.columns import Array
from trainbook.faults import Fault


def exactly(name: str, values: Any, kind: str) -> Array:
    """Values as an array of the type ``kind``, as facts name it (``text``, ``uint8``, ``float32`` …).

    Numbers become floats as near as they can; None becomes NaN there. Whole numbers stay whole, and within the type's range.

    Raises:
        Fault: names the first value that does not fit.
    """
    array = as_array(name, values)
    if kind == "text":
        if array.dtype.kind == "O" and all(isinstance(value, str) for value in array.flat):
            array = array.astype(str)
        if array.dtype.kind != "U":
            raise Fault(f"{name}: text was expected; got {_named(array)}.")
        return array
    wanted = np.dtype(kind)
    if array.dtype == wanted:
        return array
    if array.dtype.kind == "O" and wanted.kind == "f" and all(isinstance(value, int | float | None) for value in array.flat):
        array = array.astype(wanted)
    if array.dtype.kind not in "iuf" or wanted.kind not in "iuf":
        raise Fault(f"{name}: numbers of type {kind} were expected; got {_named(array)}.")
    if wanted.kind == "f":
        return array.astype(wanted)
    numbers: Any = array
    low, high = np.iinfo(wanted).min, np.iinfo(wanted).max
    below = numbers < float(high) + 1 if array.dtype.kind == "f" else numbers <= high  # no float is the greatest int64
    fits = (numbers >= low) & below & (numbers == np.floor(numbers))  # NaN fits nothing
    if not fits.all():
        first = np.unravel_index(int(np.argmin(fits)), numbers.shape)
        at = f"row {first[0]}" if first else "it"
        raise Fault(f"{name}: whole numbers from {low} to {high} were expected; {at} has {numbers[first]}.")
    return numbers.astype(wanted)  # type: ignore[no-any-return]


def as_array(name: str, values: Any) -> Array:
    """Values of any type as an array.

    Raises:
        Fault: they have no one shape.
    """
    try:
        return np.asarray(values)
    except ValueError as error:
        raise Fault(f"{name}: rows of one shape were expected ({error}).") from error


def exactly_each(name: str, values: Any, kind: str, mask: Any = None) -> Array:
    """Rows of unequal length, one after the other as ``exactly`` takes them: (n,) arrays.

    Args:
        mask: (n, longest) of padded values, true where a value is real; None = all are.

    Raises:
        Fault: names the row that does not fit.
    """
    found = np.empty(len(values), object)
    if mask is not None and len(mask) != len(found):
        raise Fault(f"{name}_mask: {len(found)} rows were expected, as {name} has; got {len(mask)}.")
    for row, given in enumerate(values):
        array = exactly(f"{name}, row {row}", given, kind)
        if array.ndim == 0:
            raise Fault(f"{name}, row {row}: a list was expected; got {given!r}.")
        found[row] = array if mask is None else array[_real(f"{name}_mask, row {row}", mask[row], len(array))]
    return found


def _real(name: str, mask: Any, length: int) -> Array:
    """Which of so many values are real."""
    array = as_array(name, mask)
    if array.shape != (length,) or not np.isin(array, (False, True)).all():
        raise Fault(f"{name}: true or false for each of {length} values was expected; got {str(mask)[:40]}.")
    return array.astype(bool)


def _named(array: Array) -> str:
    kinds = {"U": "text", "b": "true and false", "O": "a mixture, or something missing"}
    return kinds.get(array.dtype.kind, str(array.dtype))
