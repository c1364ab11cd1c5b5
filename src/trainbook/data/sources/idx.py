"""Pictures or vectors with one label each, in the idx format of the MNIST family.

The format (LeCun, http://yann.lecun.com/exdb/mnist/): two zero bytes, a type code, the number of dimensions, one big-endian
uint32 a dimension, then the values, big-endian, last dimension fastest. Files may be compressed with gzip.
"""

import math
import os
import struct
import tempfile
from collections.abc import Mapping, Sequence
from gzip import BadGzipFile
from pathlib import Path
from typing import Any

import numpy as np
from isal import igzip, isal_zlib
from numpy.typing import NDArray

from trainbook.columns import Array, Columns
from trainbook.data.sources import pictures
from trainbook.data.sources.source import Inputs, Source
from trainbook.faults import Fault

TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
AT_ONCE = 2**16
"""Bytes that are decompressed at once."""


class Idx(Source):
    """Columns ``x`` (n, …) and ``label`` (n,) from idx files; grey pictures (n, h, w) become (n, 1, h, w).

    Args:
        folder: where the files lie.
        inputs: file name by part: ``train``, and ``test`` where there is an official one.
        labels: the same for the labels.
        classes: names of the classes 0, 1, …; or a mapping from the labels that the files hold to names.
    """

    def __init__(
        self,
        folder: str,
        inputs: Mapping[str, str],
        labels: Mapping[str, str],
        classes: Sequence[str] | Mapping[int, str],
    ) -> None:
        if "train" not in inputs or set(inputs) - {"train", "test"} or set(inputs) != set(labels):
            raise ValueError(
                f"inputs and labels name a file for train, or for train and test; got {sorted(inputs)} and {sorted(labels)}"
            )
        if len(classes) < 2:
            raise ValueError(f"at least two classes were expected; got {list(classes)}")
        named = classes if isinstance(classes, Mapping) else dict(enumerate(classes))
        self.values = np.array(sorted(named))
        self.classes = [str(named[value]) for value in sorted(named)]
        self.paths = {part: (Path(folder, inputs[part]), Path(folder, labels[part])) for part in inputs}

    def files(self) -> list[Path]:
        return [path for pair in self.paths.values() for path in pair]

    def facts(self) -> dict[str, dict[str, Any]]:
        return {"label": {"classes": self.classes}}

    def load(self) -> dict[str, Columns]:
        parts = {part: self._part(*paths) for part, paths in self.paths.items()}
        shapes = {part: columns["x"].shape[1:] for part, columns in parts.items()}
        if len(set(shapes.values())) > 1:
            raise Fault(f"Inputs of one shape were expected in all parts; got {shapes}. Check the files under `inputs:`.")
        return parts

    def _part(self, inputs: Path, labels: Path) -> Columns:
        x, label = read_idx(inputs), read_idx(labels)
        if label.ndim != 1:
            raise Fault(f"{labels}: labels (1 dimension) were expected; got {label.ndim} dimensions. Are the files swapped?")
        if x.ndim < 2:
            raise Fault(f"{inputs}: pictures or vectors were expected; got {x.ndim} dimension. Are the files swapped?")
        if len(x) != len(label):
            raise Fault(f"One label for each input was expected; {inputs} has {len(x)} inputs, {labels} {len(label)} labels.")
        strange = ~np.isin(label, self.values)
        if strange.any():
            first = int(np.flatnonzero(strange)[0])
            raise Fault(
                f"{labels}: labels among {self.values.tolist()} were expected; row {first} has {label[first]}"
                f" ({int(strange.sum())} such rows). Fix `classes:` or the file."
            )
        return Columns({"x": _with_channel(x), "label": self._numbered(label)})

    def _numbered(self, label: Array) -> Array:
        """Labels -> 0, 1, … in the smallest type that holds them; part by part, for numpy finds them in one of eight bytes."""
        kind = np.min_scalar_type(len(self.values) - 1)
        parts = [np.searchsorted(self.values, part["label"]).astype(kind) for part in Columns({"label": label}).parts()]
        return np.concatenate([np.empty(0, kind), *parts])

    def read(self, path: Path) -> Inputs:
        if path.is_file() and ("idx" in path.name or path.suffix == ".gz"):
            rows, pieces = pictures.cut(path, read_idx(path))
        else:
            rows, pieces = pictures.read(path)
        return Inputs(rows, ((names, self.accept({"x": array})) for names, array in pieces))

    def accept(self, arrays: Mapping[str, Array]) -> Columns:
        if set(arrays) != {"x"}:
            raise Fault(f"One input named x was expected; got {sorted(arrays)}.")
        return Columns({"x": _with_channel(np.asarray(arrays["x"]))})

    def example(self) -> dict[str, Array]:
        return {"x": read_idx(self.paths["train"][0])[:3]}


def read_idx(path: Path) -> Array:
    """Read one idx file, compressed or not, into an array of the machine's own byte order.

    Raises:
        Fault: the file is missing, no idx file, or shorter or longer than its header says.
    """
    if not path.is_file():
        raise Fault(f"{path} does not exist. `dvc pull data.dvc` brings the raw data.")
    data = _bytes(path)
    if len(data) < 4 or any(data[:2]) or int(data[2]) not in TYPES or data[3] == 0:
        raise Fault(
            f"{path}: an idx file was expected (magic number 00 00 type dimensions); "
            f"got {data[:4].tobytes().hex(' ') or 'nothing'}."
        )
    dimensions, start = int(data[3]), 4 + 4 * int(data[3])
    if len(data) < start:
        raise Fault(f"{path} ends within its header.")
    shape = struct.unpack(f">{dimensions}I", data[4:start].tobytes())
    kind = np.dtype(TYPES[int(data[2])])
    expected = start + int(np.prod(shape, dtype=object)) * kind.itemsize
    if len(data) != expected:
        raise Fault(f"{path}: its header says {shape}, {expected} bytes were expected; got {len(data)}. The file is damaged.")
    return np.frombuffer(data, kind, offset=start).reshape(shape).astype(kind.newbyteorder("="), copy=False)


def _bytes(path: Path) -> NDArray[np.uint8]:
    """A file's bytes, decompressed if need be, mapped from disk and not held in memory."""
    with path.open("rb") as file, tempfile.TemporaryFile() as plain:
        compressed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if compressed:
            try:
                # gunzip is half of preparing, and Python's own takes twice as long
                with igzip.IGzipFile(fileobj=file) as unpacked:  # type: ignore[no-untyped-call]
                    head = unpacked.read(4 + 4 * 255)
                    plain.write(head)
                    left = _expected(head) + 1 - len(head)  # a byte more is too much, and that is enough to know
                    while left > 0 and (some := unpacked.read(min(left, AT_ONCE))):
                        left -= plain.write(some)
            except (EOFError, BadGzipFile, isal_zlib.error) as error:  # type: ignore[misc]
                raise Fault(f"{path} is damaged or cut short ({error}). `dvc pull data.dvc --force` brings it again.") from error
            plain.flush()
        whole = plain if compressed else file
        return np.asarray(np.memmap(whole, np.uint8, "r")) if whole.seek(0, os.SEEK_END) else np.empty(0, np.uint8)


def _expected(head: bytes) -> int:
    """Bytes that a file must have by its header; 0 where it is none."""
    dimensions = head[3] if len(head) > 3 else 0
    if any(head[:2]) or dimensions == 0 or head[2] not in TYPES or len(head) < 4 + 4 * dimensions:
        return 0
    shape = struct.unpack_from(f">{dimensions}I", head, 4)
    return 4 + 4 * dimensions + int(math.prod(shape)) * np.dtype(TYPES[head[2]]).itemsize


def _with_channel(x: Array) -> Array:
    return x[:, np.newaxis] if x.ndim == 3 else x
