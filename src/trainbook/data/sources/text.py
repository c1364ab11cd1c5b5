"""Texts in csv, tsv or parquet files, and a class or several labels of each."""

from collections.abc import Iterator, Mapping, Sequence
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


class Text(Source):
    """Columns ``x`` (n,) of text, and ``label`` (n,) or ``labels`` (n, l).

    Texts and answers are checked when the data are prepared: none may be missing. To be predicted are such files, too, with the
    column of texts alone; a ``.txt`` file, which is one text; or a folder of these. Everything is UTF-8.

    Args:
        paths: the file of each part, ``train`` and, where there is an official one, ``test``.
        text: the column of texts.
        target: the column of the class.
        classes: what it may hold, in order; of two classes the second one is the positive one.
        labels: columns of 0 and 1, several of which may hold at once; either these or ``target``.
        left_out: columns that are there and not used, such as identifiers.
        apart: training rows whose text stands in the official test part, word for word, are left out.
    """

    def __init__(
        self,
        paths: Mapping[str, str],
        text: str,
        target: str | None = None,
        classes: Sequence[str] = (),
        labels: Sequence[str] = (),
        left_out: Sequence[str] = (),
        apart: bool = True,
    ) -> None:
        if "train" not in paths or set(paths) - set(PARTS):
            raise ValueError(f"paths: train, or train and test, were expected; got {', '.join(paths)}")
        if (target is None) == (not labels) or (target and len(classes) < 2):
            raise ValueError("a target with at least two classes, or labels, was expected")
        self.paths = {name: Path(paths[name]) for name in PARTS if name in paths}
        self.text, self.target, self.labels = text, target, list(labels)
        self.classes, self.left_out, self.apart = [str(each) for each in classes], list(left_out), apart
        self.also_in_test: int | None = None

    def files(self) -> list[Path]:
        return list(self.paths.values())

    def facts(self) -> dict[str, dict[str, Any]]:
        counted = {} if self.also_in_test is None else {"x": {"left_out_as_in_test": self.also_in_test}}
        return counted | ({"label": {"classes": self.classes}} if self.target else {"labels": {"labels": self.labels}})

    def load(self) -> dict[str, Columns]:
        parts = {name: self._columns(path) for name, path in self.paths.items()}
        if self.apart and "test" in parts:
            tested = set(parts["test"]["x"].tolist())
            fresh = np.array([text not in tested for text in parts["train"]["x"].tolist()], bool)
            self.also_in_test = int((~fresh).sum())
            parts["train"] = parts["train"].take(fresh)
        return parts

    def _columns(self, path: Path) -> Columns:
        """Every cell of a file, checked."""
        frame, where = frames.read(path), str(path)
        named = {"text": [self.text], "target": [self.target] if self.target else [], "labels": self.labels}
        found = schema.matched(where, list(map(str, frame.columns)), {**named, "left_out": self.left_out})
        self.labels = found["labels"]
        cells = frame[[*found["text"], *found["target"], *found["labels"]]].copy()
        cells[self.text] = _stripped(frames.texts(cells[self.text], [""]))
        for name in found["target"]:
            cells[name] = frames.texts(cells[name], [""])
        for name in found["labels"]:
            cells[name] = frames.numbers(where, name, cells[name], [""])
        words: dict[str, Any] = {self.text: None, **dict.fromkeys(found["labels"], (0, 1))}
        schema.check(where, cells, {}, words | dict.fromkeys(found["target"], self.classes), [*map(str, cells)], [])
        inputs = Columns({"x": cells[self.text].to_numpy(object)})
        if not self.target:
            return inputs.replace(labels=cells[found["labels"]].to_numpy(np.uint8))
        kind = np.min_scalar_type(len(self.classes) - 1)
        return inputs.replace(label=np.array([self.classes.index(each) for each in cells[self.target]], kind))

    def read(self, path: Path) -> Inputs:
        if path.is_dir():
            files = sorted(file for file in path.iterdir() if file.is_file() and not file.name.startswith("."))
            if not files or any(file.suffix != ".txt" for file in files):
                strange = [file.name for file in files if file.suffix != ".txt"]
                raise Fault(f"{path}: a folder of .txt files alone was expected; it holds {', '.join(strange[:3]) or 'no file'}.")
            return Inputs(len(files), _each(files))
        if path.suffix == ".txt":
            return Inputs(1, _each([path]))
        rows, parts = frames.pieces(path)
        return Inputs(rows, (([f"{path.name}[{row}]" for row in part.index], self._given(str(path), part)) for part in parts))

    def _given(self, where: str, frame: "DataFrame") -> Columns:
        if self.text not in frame:
            there = ", ".join(map(repr, frame.columns[:6])) + " …" * (len(frame.columns) > 6)
            raise Fault(f"{where}: a column {self.text!r} of texts was expected; got {there}.")
        return Columns({"x": _stripped(frames.texts(frame[self.text], [""])).to_numpy(object)})

    def accept(self, arrays: Mapping[str, Array]) -> Columns:
        """Texts (n,), called ``x`` or as the column of the file is."""
        if len(arrays) != 1 or not set(arrays) <= {"x", self.text}:
            raise Fault(f"Texts by the name x, or {self.text}, were expected; got {', '.join(sorted(arrays)) or 'nothing'}.")
        ((name, given),) = arrays.items()
        texts = exactly(name, given, "text")
        if texts.ndim != 1:
            raise Fault(f"{name}: one text a row was expected; got {texts.ndim} dimensions.")
        return Columns({"x": np.array([text.strip() for text in texts.tolist()], object)})

    def example(self) -> dict[str, Array]:
        """The first texts, by the name of the file's column."""
        cells = frames.read(self.paths["train"]).head(3)
        return {self.text: self._given(str(self.paths["train"]), cells)["x"]}


def _stripped(cells: Any) -> Any:
    return cells.str.strip()


def _each(files: Sequence[Path]) -> Iterator[tuple[list[str], Columns]]:
    """A text a file, some at a time."""
    for start in range(0, len(files), AT_ONCE):
        some = files[start : start + AT_ONCE]
        yield [file.name for file in some], Columns({"x": np.array([_one(file) for file in some], object)})


def _one(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig").strip()
    except FileNotFoundError as error:
        raise Fault(f"{path} does not exist.") from error
    except UnicodeDecodeError as error:
        raise Fault(f"{path}: text in UTF-8 was expected; {' '.join(str(error).split())[:200]}.") from error
