"""Reading tables from csv, tsv and parquet files, whole or some rows at a time, as frames of pandas."""

import warnings
import zlib
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trainbook.data.sources.source import AT_ONCE
from trainbook.faults import Fault

if TYPE_CHECKING:
    from pandas import DataFrame, Series

KINDS = (".csv", ".tsv", ".txt", ".parquet")
SHOWN = 3
"""Rows that a complaint shows."""


def read(path: Path) -> "DataFrame":
    """A whole table.

    Raises:
        Fault: the file is missing, no table, or damaged.
    """
    import pandas

    return pandas.concat(pieces(path)[1], ignore_index=True)


def pieces(path: Path) -> tuple[int | None, Iterator["DataFrame"]]:
    """How many rows there are, where the file says so, and the rows, some at a time.

    Cells of a csv or tsv file, compressed or not, are text as it stands there; parquet has types of its own.

    Raises:
        Fault: the file is missing or no table; some damage is found only as the pieces come.
    """
    suffixes = [suffix for suffix in path.suffixes if suffix in KINDS]
    if not path.is_file() or not suffixes:
        what = "does not exist" if not path.exists() else "is a folder" if path.is_dir() else "is none by its name"
        raise Fault(f"{path}: a table ({', '.join(KINDS)}, compressed or not) was expected; it {what}.")
    return (_parquet if suffixes[-1] == ".parquet" else _text)(path, "\t" if suffixes[-1] == ".tsv" else ",")


def _text(path: Path, separator: str) -> tuple[None, Iterator["DataFrame"]]:
    return None, _whole(path, _lines(path, separator))


def _lines(path: Path, separator: str) -> Iterator["DataFrame"]:
    import pandas

    how: dict[str, Any] = {"dtype": str, "keep_default_na": False, "na_filter": False, "encoding": "utf-8-sig"}
    with pandas.read_csv(path, sep=separator, header=None, nrows=1, chunksize=1, **how) as first:
        names = next(iter(first)).iloc[0].tolist()
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise Fault(f"{path}: each column once was expected; {', '.join(twice)} stands there twice.")
    with pandas.read_csv(path, sep=separator, index_col=False, chunksize=AT_ONCE, **how) as parts:
        yield from parts


def _parquet(path: Path, _: str) -> tuple[int, Iterator["DataFrame"]]:
    from pyarrow import ArrowInvalid
    from pyarrow.parquet import ParquetFile

    try:
        file = ParquetFile(path)
    except (ArrowInvalid, OSError) as error:
        raise Fault(f"{path} cannot be read as parquet ({_said(error)}).") from error
    empty = [] if file.metadata.num_rows else [file.schema_arrow.empty_table()]  # of which there is no batch
    parts = (part.to_pandas() for part in chain(empty, file.iter_batches(AT_ONCE)))
    return file.metadata.num_rows, _whole(path, parts)


def _whole(path: Path, parts: Iterator["DataFrame"]) -> Iterator["DataFrame"]:
    """The parts, at least one even where there is no row, numbered through; damage is told as a fault."""
    from pandas import RangeIndex
    from pandas.errors import ParserWarning
    from pyarrow import ArrowException

    done = 0
    try:
        for part in _strictly(parts):
            part.index = RangeIndex(done, done + len(part))
            done += len(part)
            yield part
    except (ValueError, EOFError, OSError, ArrowException, zlib.error, ParserWarning) as error:  # pandas' own are ValueErrors
        if isinstance(error, PermissionError):
            raise
        raise Fault(f"{path} cannot be read as a table ({_said(error)}).") from error


def _strictly(parts: Iterator["DataFrame"]) -> Iterator["DataFrame"]:
    """A line with more cells than there are columns is an error, and no reason to cut it."""
    from pandas.errors import ParserWarning

    with warnings.catch_warnings():
        warnings.simplefilter("error", ParserWarning)
        yield from parts


def _said(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def numbers(where: str, name: str, cells: "Series", unknown: Sequence[str]) -> NDArray[np.float64]:
    """Cells as numbers; NaN where nothing is known.

    Raises:
        Fault: names the column, how many cells are no numbers, and three of them.
    """
    import pandas

    missing = cells.isna() | cells.isin(list(unknown))
    values = pandas.to_numeric(cells.mask(missing), errors="coerce")
    wrong = ~values.map(np.isfinite) & ~missing
    if wrong.any():
        raise Fault(f"{where}: {name}: numbers were expected; {shown(cells[wrong])}.")
    return np.array(values, np.float64)


def texts(cells: "Series", unknown: Sequence[str]) -> "Series":
    """Cells as text; empty where nothing is known."""
    from pandas import Series

    plain = Series([_whole_number(cell) for cell in cells], cells.index, dtype=object)
    return plain.mask(plain.isna() | plain.isin(list(unknown)), "").astype(str).astype(object)


def _whole_number(cell: Any) -> Any:
    """Parquet makes 1 a 1.0 where another row has a gap; as a word they are one."""
    return int(cell) if isinstance(cell, float) and cell.is_integer() else cell


def shown(cells: "Series") -> str:
    """How many cells, and the first of them with their rows, counted from 1."""
    some = ", ".join(f"row {number + 1}: {value!r}" for number, value in cells.head(SHOWN).items())  # type: ignore[operator]
    several = "cell is" if len(cells) == 1 else "cells are"
    return f"{len(cells)} {several} otherwise ({some}{' …' * (len(cells) > SHOWN)})"
