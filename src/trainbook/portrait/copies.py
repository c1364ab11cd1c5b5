"""Copies: rows that are equal, within the training rows and across the splits."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from trainbook.columns import Array, Columns

Prints = NDArray[np.bytes_]


def fingerprints(splits: Mapping[str, Columns], names: Sequence[str]) -> dict[str, Prints]:
    """(n,) bytes of each row, by split: equal for rows that are equal in these columns, and (but for 2^-64) for no others."""
    kinds = {name: np.result_type(*(columns[name].dtype for columns in splits.values())) for name in names}
    return {split: _prints(columns, kinds) for split, columns in splits.items()}


def _prints(columns: Columns, kinds: Mapping[str, np.dtype[np.generic]]) -> Prints:
    found, done = np.empty(columns.rows, "S16"), 0
    for part in columns.parts():
        arrays = [(np.ascontiguousarray(part[name], kind), part.offsets.get(name)) for name, kind in kinds.items()]
        for row in range(part.rows):
            digest = blake2b(digest_size=8)  # in hexadecimal: numpy drops zeros at the end of bytes
            for values, ends in arrays:
                digest.update(_bytes(values, ends, row))
            found[done + row] = digest.hexdigest().encode()
        done += part.rows
    return found


def _bytes(values: Array, ends: NDArray[np.int64] | None, row: int) -> bytes:
    if ends is not None:
        return values[ends[row] : ends[row + 1]].tobytes() + b"|"
    if values.dtype == object:  # free text, of which an array has no more than the addresses
        return str(values[row]).encode() + b"|"
    return bytes(values[row].tobytes())


def within(prints: Prints) -> int:
    """Rows that are equal to an earlier one."""
    return len(prints) - len(np.unique(prints))


def across(train: Prints, other: Prints) -> int:
    """Rows of another split that are equal to a training row."""
    return int(np.isin(other, train).sum())


def contradictions(inputs: Prints, whole: Prints) -> int:
    """Rows with the inputs of an earlier one, and with targets that no earlier row with these inputs has."""
    return len(np.unique(whole)) - len(np.unique(inputs))
