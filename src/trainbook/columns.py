"""A table of named arrays: what sources read, steps change, and preparation stores."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from trainbook.faults import Fault

Array = NDArray[np.generic]
Rows = NDArray[np.bool_] | NDArray[np.int64]


@dataclass(frozen=True)
class Columns(Mapping[str, Array]):
    """Columns of one length, in memory or mapped from disk.

    A dense column is an array whose first dimension is the row. A ragged one is the concatenation of all rows'
    values beside ``offsets`` (n + 1 positions): row i is ``values[offsets[i]:offsets[i + 1]]``.
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

    def take(self, rows: Rows) -> "Columns":
        """The table of the given rows (indices or a mask), in that order."""
        chosen = np.flatnonzero(rows) if rows.dtype == bool else rows
        arrays, offsets = {}, {}
        for name, array in self.arrays.items():
            if name not in self.offsets:
                arrays[name] = array[chosen]
                continue
            starts, lengths = self.offsets[name][chosen], np.diff(self.offsets[name])[chosen]
            offsets[name] = np.concatenate([[0], np.cumsum(lengths)])
            within = np.arange(offsets[name][-1]) - np.repeat(offsets[name][:-1], lengths)
            arrays[name] = array[np.repeat(starts, lengths) + within]
        return Columns(arrays, offsets)

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


def _map(path: Path) -> Array:
    """A plain array over the mapped file: indexing it skips the book-keeping of ``numpy.memmap``."""
    mapped: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    return np.asarray(mapped)
