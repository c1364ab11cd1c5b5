"""Leave out training rows that teach nothing: exact duplicates and blank ones."""

from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainbook.columns import Array, Columns, Mask
from trainbook.data.steps.step import Step


class Clean(Step):
    """Runs before the split, so that no copy of a training row can end up in validation. An official test part is never touched.

    Args:
        columns: the columns that are compared.
        duplicates: leave out all but the first of rows that are equal in these columns.
        blank: leave out rows whose values in these columns are all the same; of texts, those that hold white space alone.
    """

    def __init__(self, columns: Sequence[str], duplicates: bool = True, blank: bool = True) -> None:
        self.columns, self.duplicates, self.blank = list(columns), duplicates, blank

    def keep(self, columns: Columns) -> Mask | None:
        table = Columns(
            {name: columns[name] for name in self.columns},
            {name: columns.offsets[name] for name in self.columns if name in columns.offsets},
        )
        keep = np.ones(table.rows, dtype=bool)
        if self.blank:
            keep &= _by_part(table, _written_on, np.bool_)
        if self.duplicates:
            keep &= _first_of_its_kind(table)
        return keep

    def fit(self, columns: Columns) -> None:
        """Nothing is learnt."""

    def transform(self, columns: Columns) -> Columns:
        return columns

    def state(self) -> dict[str, Array]:
        return {}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Nothing to take back."""


def _by_part(table: Columns, function: Callable[[Columns], Array], kind: type[np.generic]) -> Any:
    """One value a row."""
    found, done = np.empty(table.rows, kind), 0
    for part in table.parts():
        found[done : done + part.rows] = function(part)
        done += part.rows
    return found


def _written_on(part: Columns) -> Mask:
    """Whether not all values of a row are the same."""
    changing: Mask = np.logical_or.reduce([_changing(part, name) for name in part])
    return changing


def _changing(part: Columns, name: str) -> Mask:
    entries = part.entries(name)
    if entries.dtype.hasobject:  # texts, or rows of unequal length
        return np.array(
            [bool(each.strip()) if isinstance(each, str) else bool((each != each[:1]).any()) for each in entries], bool
        )
    flat = entries.reshape(part.rows, -1)
    varying: Mask = (flat != flat[:, :1]).any(axis=1)
    return varying


def _first_of_its_kind(table: Columns) -> Mask:
    """Whether no earlier row is equal; a row whose fingerprint nobody shares needs no closer look."""
    prints = _by_part(table, _fingerprints, np.uint32)
    prints.sort()  # in place, for all of them are as large as they are many; those that are shared are computed again
    shared = np.unique(prints[1:][prints[1:] == prints[:-1]])
    first, seen, done = np.ones(table.rows, dtype=bool), set(), 0
    for part in table.parts() if len(shared) else ():
        some, entries = _fingerprints(part), [part.entries(name) for name in part]
        for row in np.flatnonzero(shared[np.searchsorted(shared, some) % len(shared)] == some):
            digest = blake2b(b"".join(_digest(each[row], 16) for each in entries)).digest()
            first[done + row] = digest not in seen
            seen.add(digest)
        done += part.rows
    return first


def _fingerprints(part: Columns) -> NDArray[np.uint32]:
    """The upper half of a random linear form of each row's bytes, modulo 2^64 (multilinear hashing: Carter and Wegman 1979)."""
    total = np.zeros(part.rows, np.uint64)
    for number, name in enumerate(part):
        flat = _bytes(part.entries(name))
        odd = -flat.shape[1] % 8
        words = (np.pad(flat, ((0, 0), (0, odd))) if odd else flat).view(np.uint64)
        total += words @ np.random.default_rng(number).integers(2**64, size=words.shape[1], dtype=np.uint64)
    return (total >> np.uint64(32)).astype(np.uint32)


def _bytes(entries: Array) -> NDArray[np.uint8]:
    """The bytes of each row (n, b); of texts, and of rows of unequal length, which have no fixed number of them, a digest."""
    if entries.dtype.hasobject:
        return np.frombuffer(b"".join(_digest(each, 8) for each in entries), np.uint8).reshape(len(entries), -1)
    return np.ascontiguousarray(entries).reshape(len(entries), -1).view(np.uint8)


def _digest(entry: Any, size: int) -> bytes:
    """Of a text, or of an array."""
    return blake2b(entry.encode() if isinstance(entry, str) else entry.tobytes(), digest_size=size).digest()
