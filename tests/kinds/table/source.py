"""A csv file with numbers, categories and several labels a row."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trainbook.columns import Array, Columns
from trainbook.data.sources.source import Inputs, Source
from trainbook.faults import Fault


class Table(Source):
    """One raw column for each feature: float32 (empty = NaN) or text; and ``labels`` (n, labels) of zeros and ones.

    Args:
        path: the file; its first line names the columns.
        numbers, categories, labels: names of its columns.
    """

    def __init__(self, path: str, numbers: Sequence[str], categories: Sequence[str], labels: Sequence[str]) -> None:
        self.path = Path(path)
        self.numbers, self.categories, self.labels = list(numbers), list(categories), list(labels)

    def files(self) -> list[Path]:
        return [self.path]

    def facts(self) -> dict[str, dict[str, Any]]:
        return {"labels": {"labels": self.labels}}

    def load(self) -> dict[str, Columns]:
        rows = self._rows(self.path, [*self.numbers, *self.categories, *self.labels])
        labels = np.array([[int(row[name]) for name in self.labels] for row in rows], np.uint8)
        return {"train": self._columns(rows).replace(labels=labels)}

    def read(self, path: Path) -> Inputs:
        rows = self._rows(path, [*self.numbers, *self.categories])
        return Inputs(None, iter([([f"{path.name}[{row}]" for row in range(len(rows))], self._columns(rows))]))

    def accept(self, arrays: Mapping[str, Array]) -> Columns:
        if set(arrays) != {*self.numbers, *self.categories}:
            raise Fault(f"{', '.join([*self.numbers, *self.categories])} were expected; got {', '.join(arrays)}.")
        numbers = {name: np.asarray(arrays[name]).astype(np.float32) for name in self.numbers}
        return Columns({**numbers, **{name: np.asarray(arrays[name]).astype(str) for name in self.categories}})

    def example(self) -> dict[str, Array]:
        return dict(self._columns(self._rows(self.path, [*self.numbers, *self.categories])[:3]))

    def _columns(self, rows: list[dict[str, str]]) -> Columns:
        numbers = {name: np.array([float(row[name] or "nan") for row in rows], np.float32) for name in self.numbers}
        return Columns({**numbers, **{name: np.array([row[name] for row in rows], str) for name in self.categories}})

    @staticmethod
    def _rows(path: Path, needed: list[str]) -> list[dict[str, str]]:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        missing = [name for name in needed if rows and name not in rows[0]]
        if missing or not rows:
            raise Fault(f"{path}: columns {', '.join(needed)} were expected; missing: {', '.join(missing) or 'every row'}.")
        return rows
