"""Write a table to disk part by part, so that it need not fit into memory."""

from pathlib import Path
from types import TracebackType
from typing import BinaryIO

import numpy as np
from numpy.lib import format as npy

from trainbook.columns import Array, Columns
from trainbook.faults import Fault


class Writer:
    """Appends tables to ``<column>.npy`` (and ``<column>.offsets.npy``) in a new folder, as ``Columns.save`` writes them."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.files: dict[str, BinaryIO] = {}
        self.layouts: dict[str, tuple[np.dtype[np.generic], tuple[int, ...]]] = {}
        self.lengths: dict[str, int] = {}

    def __enter__(self) -> "Writer":
        return self

    def add(self, part: Columns) -> None:
        """Append rows.

        Raises:
            Fault: a column has another type or shape than before.
        """
        for name, array in part.items():
            if name in part.offsets:
                ends = part.offsets[name]
                self._append(f"{name}.offsets", ends[1:] + self.lengths[name] if name in self.lengths else ends)
            self._append(name, array)

    def _append(self, name: str, array: Array) -> None:
        layout = (array.dtype, array.shape[1:])
        if name not in self.files:
            self.files[name] = (self.folder / f"{name}.npy").open("wb")
            self.layouts[name], self.lengths[name] = layout, 0
            self._head(name)
        if layout != self.layouts[name]:
            raise Fault(f"Column {name}: every row as {self.layouts[name]} was expected; a step made {layout} of some.")
        np.ascontiguousarray(array).tofile(self.files[name])
        self.lengths[name] += len(array)

    def _head(self, name: str) -> None:
        """The header has room for any length, so that it can be written again at the end."""
        dtype, tail = self.layouts[name]
        head = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": (self.lengths[name], *tail)}
        npy.write_array_header_1_0(self.files[name], head)
        self.files[name].flush()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for name, file in self.files.items():
            file.seek(0)
            self._head(name)
            file.close()
