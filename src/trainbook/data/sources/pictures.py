"""Reading the picture files that a person hands to `predict`: png and the like, npy, or a folder of them."""

from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from trainbook.columns import Array
from trainbook.faults import Fault


def read(path: Path) -> tuple[list[str], Array]:
    """Read one file or a folder's files, by name, as grey pictures: names, and bytes (n, height, width).

    An npy file holds one picture (h, w) or many (n, h, w), as it is.

    Raises:
        Fault: the path is missing, no picture, or its pictures differ in size.
    """
    if not path.exists():
        raise Fault(f"{path} does not exist.")
    if path.is_file():
        array = _one(path)
        many = array.ndim > 2
        return ([f"{path.name}[{row}]" for row in range(len(array))], array) if many else ([path.name], array[np.newaxis])
    files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
    if not files:
        raise Fault(f"Pictures were expected in {path}; it holds no file.")
    arrays = [_one(file) for file in files]
    for file, array in zip(files, arrays, strict=True):
        if array.shape != arrays[0].shape or array.ndim != 2:
            raise Fault(f"Pictures of one size were expected; {files[0]} is {_size(arrays[0])}, {file} is {_size(array)}.")
    return [file.name for file in files], np.stack(arrays)


def _one(path: Path) -> Array:
    if path.suffix == ".npy":
        try:
            array: Array = np.load(path, allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise Fault(f"{path} is not a whole npy array ({error}).") from error
        return array
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("L"))
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError) as error:
        if isinstance(error, PermissionError):
            raise
        raise Fault(f"{path}: a picture (png, jpeg …), npy or idx file was expected; got {_kind(path)}.") from error


def _kind(path: Path) -> str:
    start = path.read_bytes()[:64]
    return "an empty file" if not start else "a text file" if start.isascii() else "something else, or a damaged one"


def _size(array: Array) -> str:
    return "x".join(map(str, array.shape))
