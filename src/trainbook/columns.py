"""A table of named arrays: what sources read, steps change, and preparation stores."""

import math
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainbook.faults import Fault

Array = NDArray[np.generic]
Mask = NDArray[np.bool_]
Rows = Mask | NDArray[np.int64]

LARGE = 2**19
"""Bytes from which an array that is only passed on lies in a file without a name, not in memory."""
SLICE = 2**18
"""Bytes that are worked on at once: few enough for a processor's cache."""


@dataclass(frozen=True)
class Columns(Mapping[str, Array]):
    """Columns of one length, in memory or mapped from disk.

    A dense column is an array whose first dimension is the row. A ragged one is the concatenation of all rows'
    values beside ``offsets`` (n + 1 positions): row i is ``values[offsets[i]:offsets[i + 1]]``. Free text is a dense column
    of objects, which are strings; it is raw, and never saved.
    """

    arrays: Mapping[str, Array]
    offsets: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Array:
        return self.arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.arrays)

    def __len__(self) -> int:
        """Number of columns, as for any mapping; see ``rows`` for their length."""
        return len(self.arrays)

    @property
    def rows(self) -> int:
        """Number of rows.

        Raises:
            Fault: the columns differ in length.
        """
        lengths = {
            name: len(self.offsets[name]) - 1 if name in self.offsets else len(array) for name, array in self.arrays.items()
        }
        if len(set(lengths.values())) > 1:
            raise Fault(f"Columns of one length were expected; got {lengths}.")
        return next(iter(lengths.values()), 0)

    def replace(self, **arrays: Array) -> "Columns":
        """The same table with some columns' values replaced or added; offsets stay."""
        return Columns({**self.arrays, **arrays}, self.offsets)

    def ragged(self, name: str, rows: Sequence[Array], like: Array) -> "Columns":
        """The same table with a ragged column of these rows replaced or added; ``like`` says type and shape of one value."""
        offsets = np.cumsum([0, *map(len, rows)])
        values = np.concatenate([like[:0], *rows], dtype=like.dtype)
        return Columns({**self.arrays, name: values}, {**self.offsets, name: offsets})

    def entries(self, name: str) -> Array:
        """A column with one entry a row; of a ragged one the entry is an array (length, …)."""
        if name not in self.offsets:
            return self.arrays[name]
        ends = self.offsets[name]
        found = np.empty(len(ends) - 1, object)
        for row in range(len(found)):
            found[row] = self.arrays[name][ends[row] : ends[row + 1]]
        return found

    def take(self, rows: Rows) -> "Columns":
        """The table of the given rows (indices or a mask), in that order."""
        arrays, offsets = {}, {}
        for name, array in self.arrays.items():
            if name not in self.offsets:
                arrays[name] = _pick(array, rows)
                continue
            chosen = np.flatnonzero(rows) if rows.dtype == bool else rows
            starts, lengths = self.offsets[name][chosen], np.diff(self.offsets[name])[chosen]
            offsets[name] = np.concatenate([[0], np.cumsum(lengths)])
            within = np.arange(offsets[name][-1]) - np.repeat(offsets[name][:-1], lengths)
            arrays[name] = _pick(array, np.repeat(starts, lengths) + within)
        return Columns(arrays, offsets)

    def part(self, start: int, stop: int) -> "Columns":
        """The rows from ``start`` to before ``stop``, without copying them."""
        arrays, offsets = {}, {}
        for name, array in self.arrays.items():
            if name in self.offsets:
                ends = self.offsets[name][start : stop + 1]
                arrays[name], offsets[name] = array[ends[0] : ends[-1]], ends - ends[0]
            else:
                arrays[name] = array[start:stop]
        return Columns(arrays, offsets)

    def parts(self) -> Iterator["Columns"]:
        """The table in parts of a cache's size, in order."""
        rows = self.rows
        at_once = max(1, SLICE * rows // max(1, sum(array.nbytes for array in self.arrays.values())))
        for start in range(0, rows, at_once):
            yield self.part(start, min(start + at_once, rows))

    def save(self, folder: Path) -> None:
        """Write ``<column>.npy`` (and ``<column>.offsets.npy``) into a new folder."""
        folder.mkdir(parents=True)
        for name, array in self.arrays.items():
            np.save(folder / f"{name}.npy", np.ascontiguousarray(array), allow_pickle=False)
        for name, offsets in self.offsets.items():
            np.save(folder / f"{name}.offsets.npy", offsets, allow_pickle=False)

    @staticmethod
    def load(folder: Path) -> "Columns":
        """Map a saved table from disk, read only.

        Raises:
            Fault: the folder is missing or one of its files is no whole array.
        """
        if not folder.is_dir():
            raise Fault(f"{folder} does not exist. Run `dvc repro`, or `trainbook prepare data=<name>`.")
        arrays: dict[str, Array] = {}
        offsets: dict[str, NDArray[np.int64]] = {}
        for path in sorted(folder.glob("*.npy")):
            try:
                array = _map(path)
            except (ValueError, EOFError) as error:
                raise Fault(f"{path} is not a whole array ({error}). Prepare the data again.") from error
            name = path.stem
            if name.endswith(".offsets"):
                offsets[name.removesuffix(".offsets")] = array.astype(np.int64)
            else:
                arrays[name] = array
        return Columns(arrays, offsets)


def joined(parts: Iterable[Array], like: Array, rows: int) -> Array:
    """Parts of an array as one of ``rows`` rows: in memory if small, else in a temporary file, which goes when the array does."""
    shape = (rows, *like.shape[1:])
    if math.prod(shape) * like.itemsize < LARGE or like.dtype.hasobject:
        return np.concatenate([like[:0], *parts])
    with tempfile.TemporaryFile() as file:
        for part in parts:
            part.tofile(file)
        file.flush()
        return np.asarray(np.memmap(file, like.dtype, "r", shape=shape))


def _pick(array: Array, rows: Rows) -> Array:
    """Some rows of an array: by index, as for a batch, in memory; by mask, as for a split, part by part."""
    if rows.dtype != bool:
        return array[rows]
    at_once = max(1, SLICE * len(array) // max(1, array.nbytes))
    starts = range(0, len(rows), at_once)
    some = (array[start : start + at_once][rows[start : start + at_once]] for start in starts)
    return joined(some, array, int(rows.sum()))


def _map(path: Path) -> Array:
    """A plain array over the mapped file: indexing it skips the book-keeping of ``numpy.memmap``."""
    mapped: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    return np.asarray(mapped)
