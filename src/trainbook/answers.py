"""A model's answers as a table that grows row by row: csv, jsonl or parquet."""

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from trainbook.faults import Fault
from trainbook.files import replacing

FORMATS = ("csv", "jsonl", "parquet")
Table = Mapping[str, Any]
"""By column, an array or list with one entry a row."""
Write = Callable[[Table], None]


def format_of(path: Path) -> str:
    """The format that a file's name asks for.

    Raises:
        Fault: it asks for another.
    """
    name = path.suffix.removeprefix(".").lower()
    if name not in FORMATS:
        raise Fault(f"--output {path}: a name that ends in {', '.join(f'.{each}' for each in FORMATS)} was expected.", code=2)
    return name


@contextmanager
def writing(path: Path | None) -> Iterator[Write]:
    """Give a function that adds rows. The file appears whole when the block ends well; without one, csv goes to the screen."""
    if path is None:
        yield _csv(sys.stdout)
        return
    how = format_of(path)
    with replacing(path) as new:
        if how == "parquet":
            with _parquet(new) as write:
                yield write
        else:
            with new.open("w", encoding="utf-8", newline="") as file:
                yield _csv(file) if how == "csv" else _jsonl(file)


def _csv(file: TextIO) -> Write:
    first = True

    def write(table: Table) -> None:
        nonlocal first
        _frame(table).to_csv(file, index=False, header=first, float_format="%.6f", lineterminator="\n")
        first = False

    return write


def _jsonl(file: TextIO) -> Write:
    def write(table: Table) -> None:
        for row in _frame(table).to_dict(orient="records"):
            plain = {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}
            file.write(json.dumps(plain, ensure_ascii=False, allow_nan=False, default=_plain) + "\n")

    return write


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    import pyarrow
    from pyarrow.parquet import ParquetWriter

    writer: ParquetWriter | None = None

    def write(table: Table) -> None:
        nonlocal writer
        rows = pyarrow.Table.from_pandas(_frame(table), writer.schema if writer else None, preserve_index=False)
        writer = writer or ParquetWriter(path, rows.schema)
        writer.write_table(rows)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


def _plain(value: Any) -> Any:
    return value.tolist()  # numpy's


def _frame(table: Table) -> Any:
    import pandas

    return pandas.DataFrame(dict(table))
