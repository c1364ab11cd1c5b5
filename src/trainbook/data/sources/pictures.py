"""Reading the picture files that a person hands to `predict`: png and the like, npy, or a folder of them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from trainbook.columns import Array
from trainbook.data.sources.source import AT_ONCE
from trainbook.faults import Fault

Pieces = Iterator[tuple[list[str], Array]]


def read(path: Path) -> tuple[int, Pieces]:
    """Read one file or a folder's files, by name, as grey pictures: how many, and names and bytes (n, height, width).

    An npy file holds one picture (h, w) or many (n, h, w), as it is.

    Raises:
        Fault: the path is missing, no picture, or its pictures differ in size.
    """
    if not path.exists():
        raise Fault(f"{path} does not exist.")
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
        if not files:
            raise Fault(f"Pictures were expected in {path}; it holds no file.")
        return len(files), _folder(files)
    array = _one(path)
    return cut(path, array) if array.ndim > 2 else (1, iter([([path.name], array[np.newaxis])]))


def cut(path: Path, array: Array) -> tuple[int, Pieces]:
    """Rows of one file, some at a time, each with its number."""
    starts = range(0, len(array), AT_ONCE)
    parts = ((start, array[start : start + AT_ONCE]) for start in starts)
    return len(array), (([f"{path.name}[{start + row}]" for row in range(len(part))], part) for start, part in parts)


def _folder(files: list[Path]) -> Pieces:
    first = _one(files[0])
    for start in range(0, len(files), AT_ONCE):
        some = files[start : start + AT_ONCE]
        arrays = [_one(file) for file in some]
        for file, array in zip(some, arrays, strict=True):
            if array.shape != first.shape or array.ndim != 2:
                raise Fault(f"Pictures of one size were expected; {files[0]} is {_size(first)}, {file} is {_size(array)}.")
        yield [file.name for file in some], np.stack(arrays)


def _one(path: Path) -> Array:
    if path.suffix == ".npy":
        try:
            array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise Fault(f"{path} is not a whole npy array ({error}).") from error
        return array
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("L"))
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        if isinstance(error, PermissionError):
            raise
        raise Fault(f"{path}: a picture (png, jpeg …), npy or idx file was expected; got {_kind(path)}.") from error


def _kind(path: Path) -> str:
    start = path.read_bytes()[:64]
    return "an empty file" if not start else "a text file" if start.isascii() else "something else, or a damaged one"


def _size(array: Array) -> str:
    return "x".join(map(str, array.shape))
