"""A table in csv, tsv or parquet files: numbers, categories, and a class or several labels to be learnt."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainbook.columns import Array, Columns
from trainbook.data.exactly import exactly
from trainbook.data.sources import frames, schema
from trainbook.data.sources.source import AT_ONCE, Inputs, Source
from trainbook.faults import Fault

if TYPE_CHECKING:
    from pandas import DataFrame

PARTS = ("train", "test")


class Table(Source):
    """Columns ``numbers`` (n, k) float32 (NaN = missing), ``categories`` (n, c) text (empty = missing), and ``label`` (n,) or
    ``labels`` (n, l). In a table without categories the numbers are called ``x``, as a single input is everywhere.

    A name of a column may be a pattern, such as ``Att*``, for all columns that nothing else names. Ranges, categories, gaps and
    uniqueness are checked when the data are prepared; what is to be predicted need only have the columns.

    Args:
        paths: the file of each part, ``train`` and, where there is an official one, ``test``; a list of files stands for one
            table whose columns they share, row by row.
        numbers: columns of numbers, each with its smallest and largest value; null = no limit, for one or both.
        categories: columns of text, each with what it may hold; null = anything.
        target: the column of the class.
        classes: what it may hold, in order; of two classes the second one is the positive one.
        labels: columns of 0 and 1, several of which may hold at once; either these or ``target``.
        complete: columns in which nothing may be missing.
        unique: columns that together tell a row from all others.
        unknown: what a cell holds whose value is not known.
        part: a column of a single file that says of each row which part it is in.
        left_out: columns that are there and not used, such as identifiers and what is known only afterwards.
    """

    def __init__(
        self,
        paths: Mapping[str, str | Sequence[str]],
        numbers: Mapping[str, Sequence[float | None] | None] | None = None,
        categories: Mapping[str, Sequence[str] | None] | None = None,
        target: str | None = None,
        classes: Sequence[str] = (),
        labels: Sequence[str] = (),
        complete: Sequence[str] = (),
        unique: Sequence[str] = (),
        unknown: Sequence[str] = ("",),
        part: str | None = None,
        left_out: Sequence[str] = (),
    ) -> None:
        if "train" not in paths or set(paths) - set(PARTS) or (part and set(paths) != {"train"}):
            raise ValueError(f"paths: train, or train and test, were expected (train alone beside part:); got {', '.join(paths)}")
        if not numbers and not categories:
            raise ValueError("at least one column under numbers or categories was expected")
        if (target is None) == (not labels) or (target and len(classes) < 2):
            raise ValueError("a target with at least two classes, or labels, was expected")
        self.paths = {
            name: [Path(each) for each in ([given] if isinstance(given, str) else given)] for name, given in paths.items()
        }
        self.numbers, self.categories = dict(numbers or {}), dict(categories or {})
        self.target, self.classes, self.labels = target, [str(each) for each in classes], list(labels)
        self.complete, self.unique, self.unknown = list(complete), list(unique), [str(each) for each in unknown]
        self.part, self.left_out = part, list(left_out)
        self.found: dict[str, list[str]] = {}

    def files(self) -> list[Path]:
        return [path for paths in self.paths.values() for path in paths]

    def facts(self) -> dict[str, dict[str, Any]]:
        inputs = {name: {"names": columns} for name, columns in self._inputs().items()}
        return inputs | ({"label": {"classes": self.classes}} if self.target else {"labels": {"labels": self.found["labels"]}})

    def load(self) -> dict[str, Columns]:
        whole = {name: self._frame(name) for name in PARTS if name in self.paths}
        if not self.part:
            return {name: self._columns(str(self.paths[name][0]), frame) for name, frame in whole.items()}
        where, frame = str(self.paths["train"][-1]), whole["train"]
        strange = frame[self.part][~frame[self.part].isin(PARTS)]
        if len(strange):
            raise Fault(f"{where}: {self.part}: train or test was expected; {frames.shown(strange)}.")
        columns = self._columns(str(self.paths["train"][0]), frame)
        return {name: columns.take(np.array(frame[self.part] == name)) for name in PARTS}

    def _frame(self, part: str) -> "DataFrame":
        """The cells of a part, every column known by the settings."""
        import pandas

        read = [frames.read(path) for path in self.paths[part]]
        if len({len(each) for each in read}) > 1:
            raise Fault(f"{', '.join(map(str, self.paths[part]))}: as many rows in each were expected; got {[*map(len, read)]}.")
        frame = pandas.concat(read, axis=1)
        twice = sorted(set(frame.columns[frame.columns.duplicated()]))
        if twice:
            raise Fault(f"{self.paths[part][0]}: each column once was expected; {', '.join(twice)} stands there twice.")
        alone = [*filter(None, [self.target, self.part]), *self.left_out]
        named = {"numbers": list(self.numbers), "categories": list(self.categories), "labels": self.labels, "others": alone}
        found = schema.matched(str(self.paths[part][0]), list(map(str, frame.columns)), named)
        self.found = self.found or found
        if differing := [name for kind, names in self.found.items() for name in sorted({*found[kind]} ^ {*names})]:
            raise Fault(
                f"{self.paths[part][0]}: the columns of training were expected; {', '.join(differing)} makes a difference."
            )
        return frame

    def _columns(self, where: str, frame: "DataFrame") -> Columns:
        """Every cell, checked, with what is to be learnt."""
        found, text = self.found, [*self.found["categories"], *filter(None, [self.target])]
        also = [name for name in self.unique if name in frame]
        cells = frame[list(dict.fromkeys([*found["numbers"], *found["labels"], *text, *also]))].copy()
        for name in (*found["numbers"], *found["labels"]):
            cells[name] = frames.numbers(where, name, cells[name], self.unknown)
        for name in text:
            cells[name] = frames.texts(cells[name], self.unknown)
        ranges = {name: schema.setting(name, self.numbers) for name in found["numbers"]}
        words: dict[str, Any] = {name: schema.setting(name, self.categories) for name in found["categories"]}
        words |= {self.target: self.classes} if self.target else dict.fromkeys(found["labels"], (0, 1))
        answers, every = [*found["labels"], *filter(None, [self.target])], [*found["numbers"], *found["categories"]]
        complete = [*answers, *schema.completed(where, every, self.complete)]
        schema.check(where, cells, ranges, words, complete, self.unique)
        inputs = self._matrices(cells)
        if not self.target:
            return inputs.replace(labels=cells[found["labels"]].to_numpy(np.uint8))
        kind = np.min_scalar_type(len(self.classes) - 1)
        return inputs.replace(label=np.array([self.classes.index(each) for each in cells[self.target]], kind))

    def _matrices(self, cells: "DataFrame") -> Columns:
        kinds = {name: np.float32 if name != "categories" else np.str_ for name in self._inputs()}
        return Columns({name: cells[columns].to_numpy(kinds[name]) for name, columns in self._inputs().items()})

    def _inputs(self) -> dict[str, list[str]]:
        """The columns of each input."""
        named = {"numbers" if self.found["categories"] else "x": self.found["numbers"], "categories": self.found["categories"]}
        return {name: columns for name, columns in named.items() if columns}

    def restore(self, raw: Mapping[str, Mapping[str, Any]]) -> None:
        numbers = raw.get("numbers") or raw.get("x") or {"names": []}
        self.found = {"numbers": numbers["names"], "categories": raw["categories"]["names"] if "categories" in raw else []}

    def read(self, path: Path) -> Inputs:
        rows, parts = frames.pieces(path)
        return Inputs(rows, (([f"{path.name}[{row}]" for row in part.index], self._given(str(path), part)) for part in parts))

    def _given(self, where: str, frame: "DataFrame") -> Columns:
        """The inputs alone, of rows that may hold what training has never seen."""
        names = [*self.found["numbers"], *self.found["categories"]]
        if missing := [name for name in names if name not in frame]:
            wanted, lacking = (", ".join(each[:12]) + " …" * (len(each) > 12) for each in (names, [*map(repr, missing)]))
            raise Fault(f"{where}: columns {wanted} were expected; missing: {lacking}.")
        cells = frame[names].copy()
        for name in self.found["numbers"]:
            cells[name] = frames.numbers(where, name, cells[name], self.unknown)
        for name in self.found["categories"]:
            cells[name] = frames.texts(cells[name], self.unknown)
        return self._matrices(cells)

    def accept(self, arrays: Mapping[str, Array]) -> Columns:
        """Whole inputs, as the columns are called here; or each column of the file by its own name, one value a row."""
        if set(arrays) == set(self._inputs()) and all(array.ndim == 2 for array in arrays.values()):
            return Columns(arrays)
        names = [*self.found["numbers"], *self.found["categories"]]
        if set(arrays) != set(names):
            lacking, extra = ([*map(repr, sorted(each))] for each in (set(names) - set(arrays), set(arrays) - set(names)))
            raise Fault(
                f"{len(names)} columns were expected, as in training; missing: {', '.join(lacking[:6]) or 'none'}; "
                f"unknown: {', '.join(extra[:6]) or 'none'}."
            )
        typed = {name: exactly(name, _none_as(np.nan, arrays[name]), "float32") for name in self.found["numbers"]}
        words = {name: exactly(name, _none_as("", arrays[name]), "text") for name in self.found["categories"]}
        typed |= {name: np.where(np.isin(each, self.unknown), "", each) for name, each in words.items()}
        if flat := [name for name, values in typed.items() if values.ndim != 1]:
            raise Fault(f"{flat[0]}: one value a row was expected; got {typed[flat[0]].ndim} dimensions.")
        if len({len(values) for values in typed.values()}) > 1:
            raise Fault(f"Columns of one length were expected; got { ({name: len(values) for name, values in typed.items()}) }.")
        return Columns({name: np.stack([typed[each] for each in columns], 1) for name, columns in self._inputs().items()})

    def example(self) -> dict[str, Array]:
        """The first rows in which nothing is missing, if there are some, by the names of the file's columns."""
        cells = self._frame("train").head(AT_ONCE)
        used = cells[[*self.found["numbers"], *self.found["categories"]]]
        gaps = (used.isna() | used.isin(self.unknown)).any(axis=1)
        whole = self._given(str(self.paths["train"][0]), cells[gaps == gaps.all()].head(3))
        return {name: whole[kind][:, at] for kind, names in self._inputs().items() for at, name in enumerate(names)}


def _none_as(value: Any, cells: Array) -> Array:
    """What JSON calls null, as the value that stands for it here."""
    given = np.asarray(cells)
    return np.array([value if each is None else each for each in given.tolist()]) if given.dtype.kind == "O" else given
