"""Reading .ts files, in which sktime and aeon keep series of any length, each with a class or without one."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainbook.data.sources.ts_header import Header, header
from trainbook.faults import Fault

UNKNOWN = ("?", "nan")
PAIR = re.compile(r"\s*\(([^(),]*),([^(),]*)\)\s*(?:,|$)")
BETWEEN = re.compile(r":(?![^(]*\))")
"""A colon that stands in no pair of time and value, for times have colons, too."""


class Case(NamedTuple):
    """One line of data."""

    where: str
    """File and line, for complaints."""
    values: NDArray[np.float32]
    """(length, dimensions), NaN = missing."""
    label: str | None


def read(path: Path) -> tuple[Header, Iterator[Case]]:
    """The header of a file, and its lines of data one by one.

    Tags stand in any order and spelling (``@classLabel``, ``@class_label``). Empty lines, and those that begin with ``#``
    or ``%``, say nothing. Dimensions stand between colons, values between commas, ``?`` or ``NaN`` is a missing one. With
    ``@timeStamps true`` a value is a pair ``(time,value)``: the times, numbers or dates, must ascend, be the same in all
    dimensions, and be about evenly spaced, for a network takes them for steps (a gap twice as long as another one is refused).
    Then they are left out.

    Sources: https://www.aeon-toolkit.org/en/stable/api_reference/data_format.html and
    https://www.sktime.net/en/stable/api_reference/file_specifications/ts.html.

    Raises:
        Fault: the file is missing, or not of this form; of the data it is found out only as the lines come.
    """
    if not path.is_file():
        raise Fault(f"{path}: a .ts file was expected; it {'is a folder' if path.is_dir() else 'does not exist'}.")
    lines = _lines(path)
    said = header(str(path), lines)
    return said, _cases(said, lines)


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """File and line, and what stands there, of all lines that say something."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if (text := line.strip()) and not text.startswith(("#", "%")):
                    yield f"{path}, line {number}", text
    except UnicodeDecodeError as error:
        raise Fault(f"{path}: text in UTF-8 was expected ({error}).") from error


def _cases(said: Header, lines: Iterator[tuple[str, str]]) -> Iterator[Case]:
    dimensions, length = said.dimensions, said.length
    for where, text in lines:
        fields = BETWEEN.split(text)
        label = fields.pop().strip() if said.labelled else None
        dimensions = dimensions or max(len(fields), 1)
        if len(fields) != dimensions:
            also = " and a label" if said.labelled else ""
            raise Fault(f"{where}: {_dimensions(dimensions)}{also} were expected; got {_dimensions(len(fields))}{also}.")
        values = _series(where, fields, said)
        if length is not None and len(values) != length:
            raise Fault(f"{where}: a series of {length} steps was expected, as the header says; got {len(values)}.")
        length = len(values) if said.equal else length
        yield Case(where, values, label)


def _dimensions(number: int) -> str:
    return f"{number} dimension{'s' * (number != 1)}"


def _series(where: str, fields: list[str], said: Header) -> NDArray[np.float32]:
    """The dimensions of one case, side by side."""
    named = [f"{where}, dimension {number}" for number in range(1, len(fields) + 1)]
    if said.times:
        pairs = [_pairs(name, field) for name, field in zip(named, fields, strict=True)]
        cells, times = ([[pair[at] for pair in each] for each in pairs] for at in (1, 0))
        if odd := next((name for name, each in zip(named, times, strict=True) if each != times[0]), None):
            raise Fault(f"{odd}: the times of dimension 1 were expected; got others.")
        _check_times(where, times[0])
    else:
        cells = [field.split(",") for field in fields]
    if len({len(each) for each in cells}) > 1:
        got = ", ".join(str(len(each)) for each in cells)
        raise Fault(f"{where}: dimensions of one length were expected; got {got} values.")
    return np.stack([_numbers(name, each, said.missing) for name, each in zip(named, cells, strict=True)], axis=1)


def _numbers(where: str, cells: list[str], missing: bool | None) -> NDArray[np.float32]:
    found = np.full(len(cells), np.nan)
    for at, cell in enumerate(cells):
        if cell.strip().lower() in UNKNOWN:
            if missing is False:
                raise Fault(f"{where}: no gap was expected, as @missing false says; value {at + 1} is missing.")
            continue
        try:
            found[at] = float(cell)
        except ValueError:
            found[at] = np.inf
        if not abs(found[at]) <= np.finfo(np.float32).max:
            raise Fault(f"{where}: numbers, or ? where one is missing, were expected; value {at + 1} is {cell.strip()!r}.")
    return found.astype(np.float32)


def _pairs(where: str, field: str) -> list[tuple[str, str]]:
    """Times and values of a dimension."""
    found, at = [], 0
    while match := PAIR.match(field, at):
        found.append((match[1].strip(), match[2].strip()))
        at = match.end()
    if not found or at != len(field) or field.rstrip().endswith(","):
        got = field[at : at + 40]
        raise Fault(
            f"{where}: pairs (time,value), as @timeStamps true says, with commas between them were expected; got {got!r}."
        )
    return found


def _check_times(where: str, times: list[str]) -> None:
    try:
        numbers = [_time(each) for each in times]
    except ValueError:
        raise Fault(f"{where}: times that are numbers or dates were expected; got {times[0]!r} …") from None
    gaps = [later - earlier for earlier, later in pairwise(numbers)]
    if gaps and not 0 < max(gaps) < 2 * min(gaps):
        raise Fault(f"{where}: times that ascend evenly were expected; they go on by {min(gaps):g} here, by {max(gaps):g} there.")


def _time(text: str) -> float:
    """A number as it is, a date as seconds."""
    try:
        return float(text)
    except ValueError:
        date = datetime.fromisoformat(text)
    return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
