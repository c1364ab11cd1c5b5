"""Features: single values of a raw row, by the names that a person knows."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from trainbook.columns import Array, Columns
from trainbook.data.facts import Facts


class Feature(NamedTuple):
    """One value of each row of a table."""

    name: str
    column: str
    place: int | None
    """In the rows of a matrix; None where the column has one value a row."""

    def of(self, columns: Columns) -> Array:
        """The values (n,)."""
        return columns[self.column] if self.place is None else columns[self.column][:, self.place]

    def put(self, columns: Columns, rows: slice, values: Array | np.generic) -> None:
        """Write other values into some rows."""
        columns[self.column][(rows,) if self.place is None else (rows, self.place)] = values


def raw_features(facts: Facts, raw: Columns) -> list[Feature]:
    """The features of a raw table, in its order; pictures, sequences and free text have none."""
    found = []
    for column, known in facts["raw"].items():
        if column not in raw or column in raw.offsets or raw[column].dtype.hasobject:
            continue
        if known["shape"] == []:
            found.append(Feature(column, column, None))
        elif len(known["shape"]) == 1:
            names = _names(column, known.get("names"), tuple(known["shape"]))
            found += [Feature(name, column, place) for place, name in enumerate(names)]
    return found


def prepared_names(facts: Facts, name: str, shape: tuple[int, ...]) -> list[str]:
    """Names of the values that a network's input has in a row: those of the facts, or of the raw column, else numbers."""
    for known in (facts["inputs"].get(name, {}), facts["raw"].get(name, {})):
        if len(known.get("names") or ()) == math.prod(shape):
            return [str(each) for each in known["names"]]
    return _names(name, None, shape)


def _names(column: str, known: Any, shape: tuple[int, ...]) -> list[str]:
    if known and len(known) == math.prod(shape):
        return [str(each) for each in known]
    if not shape:
        return [column]
    return [f"{column}[{', '.join(map(str, at))}]" for at in np.ndindex(*shape)]


def texts(facts: Facts, raw: Columns, inputs: Mapping[str, Array], names: Mapping[str, list[str]]) -> list[list[str]]:
    """Values of rows and features: raw where a raw feature has the same name, else as prepared."""
    known = {feature.name: feature for feature in raw_features(facts, raw)}
    columns = []
    for name, values in inputs.items():
        flat = values.reshape(len(values), -1)
        columns += [
            [text(value) for value in (known[each].of(raw) if each in known else flat[:, at])]
            for at, each in enumerate(names[name])
        ]
    return [list(row) for row in zip(*columns, strict=True)]


def text(value: Any) -> str:
    """A value for people; nothing for one that is missing."""
    if isinstance(value, str):
        return str(value)
    return "" if math.isnan(value) else f"{value:.6g}"
