"""Series of any length with a class each, in .ts files of sktime and aeon."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainbook.columns import Array, Columns
from trainbook.data.sources import frames, ts_file
from trainbook.data.sources.source import AT_ONCE, Inputs, Source
from trainbook.faults import Fault

if TYPE_CHECKING:
    from pandas import DataFrame

PARTS = ("train", "test")
SERIES = "series"
"""Column of a table that says of each row which series it belongs to."""
LIKE = np.empty(0, np.float32)


class Ts(Source):
    """Columns ``x``, ragged, (steps, channels) float32 (NaN = missing), and ``label`` (n,); ``ts_file`` says what files may hold.

    To predict, ``read`` takes a .ts file, with labels or without; or a table (csv, tsv, parquet) with one row a step and one
    column a channel, whose column ``series``, if there is one, says of each row which series it belongs to. To a served model
    one sends ``{"dataframe_records": [{"x": [[…], …]}, …]}``, a list of steps for each series, each a list of channels (of one
    channel, also a number); or, padded, ``{"inputs": {"x": …, "x_mask": …}}``, for MLflow takes no other lists of unequal length.

    Args:
        paths: the file of each part, ``train`` and, where there is an official one, ``test``.
        classes: what a label may be, in order; null = what the header of the training file lists.
        names: what the channels are called, in the order of the file's dimensions; null = channel 1, channel 2 and so on.
    """

    def __init__(
        self, paths: Mapping[str, str], classes: Sequence[str] | None = None, names: Sequence[str] | None = None
    ) -> None:
        if "train" not in paths or set(paths) - set(PARTS):
            raise ValueError(f"paths: train, or train and test, were expected; got {', '.join(paths)}")
        if names and (len(set(names)) < len(names) or SERIES in names):
            raise ValueError(f"names: each channel's own, and none called {SERIES}, was expected; got {', '.join(names)}")
        self.paths = {part: Path(path) for part, path in paths.items()}
        self.classes, self.names = [str(each) for each in classes or ()], list(names or ())

    def files(self) -> list[Path]:
        return list(self.paths.values())

    def load(self) -> dict[str, Columns]:
        return {part: self._part(self.paths[part]) for part in PARTS if part in self.paths}

    def _part(self, path: Path) -> Columns:
        said, cases = ts_file.read(path)
        if said.regression or not said.labelled:
            what = "are numbers to be learnt (@targetLabel), for which there is no task" if said.regression else "has no labels"
            raise Fault(f"{path}: series that each have a class (@classLabel true …) were expected; this file {what}.")
        self.classes = self.classes or said.classes
        if len(self.classes) < 2:
            raise Fault(f"{path}: two classes or more behind @classLabel true were expected; name them there, or under classes.")
        series, labels = [], []
        for case in cases:
            if case.label not in self.classes:
                raise Fault(f"{case.where}: a label among {', '.join(self.classes)} was expected; got {case.label!r}.")
            series.append(self._named(case.where, case.values))
            labels.append(self.classes.index(case.label))
        if not series:
            raise Fault(f"{path}: a series at least was expected below @data; there is none.")
        return self._columns(series).replace(label=np.array(labels, np.min_scalar_type(len(self.classes) - 1)))

    def _named(self, where: str, values: Array) -> Array:
        """A series that has a value for each channel; the very first one says how many there are, if nobody does."""
        self.names = self.names or _names(values.shape[1])
        if values.shape[1] != len(self.names):
            raise Fault(f"{where}: {len(self.names)} channels were expected; got {values.shape[1]}.")
        return values

    def _columns(self, series: Sequence[Array]) -> Columns:
        return Columns({}).ragged("x", series, LIKE.reshape(0, len(self.names)))

    def facts(self) -> dict[str, dict[str, Any]]:
        return {"x": {"names": self.names}, "label": {"classes": self.classes}}

    def restore(self, raw: Mapping[str, Mapping[str, Any]]) -> None:
        self.names = list(raw["x"]["names"])

    def read(self, path: Path) -> Inputs:
        series = self._cases(path) if path.suffix.lower() == ".ts" else self._tabled(path, frames.read(path))
        return Inputs(None, self._pieces(series))

    def _cases(self, path: Path) -> Iterator[tuple[str, Array]]:
        for row, case in enumerate(ts_file.read(path)[1]):
            yield f"{path.name}[{row}]", self._named(case.where, case.values)

    def _pieces(self, series: Iterator[tuple[str, Array]]) -> Iterator[tuple[list[str], Columns]]:
        while some := list(islice(series, AT_ONCE)):
            yield [name for name, _ in some], self._columns([values for _, values in some])

    def _tabled(self, path: Path, frame: "DataFrame") -> Iterator[tuple[str, Array]]:
        """The series of a table: its columns by name, or, where nobody has named the channels, in their order."""
        there = [str(name) for name in frame.columns]
        channels = [name for name in there if name != SERIES]
        if missing := [name for name in self.names if name not in channels]:
            if self.names != _names(len(channels)):
                raise Fault(f"{path}: columns {', '.join(self.names)} were expected; missing: {', '.join(map(repr, missing))}.")
            called = dict(zip(channels, self.names, strict=True))
            frame = frame.set_axis([called.get(name, name) for name in there], axis=1)
        cells = [frames.numbers(str(path), name, frame[name], ["", *ts_file.UNKNOWN, "NaN", "NAN"]) for name in self.names]
        values = np.stack(cells, axis=1).astype(np.float32)
        if SERIES not in frame:
            if len(values):
                yield path.name, values
            return
        ids = frames.texts(frame[SERIES], []).to_numpy()
        if (ids == "").any():
            raise Fault(
                f"{path}: {SERIES}: the name of a series in every row was expected; row {int(np.argmax(ids == '')) + 1} has none."
            )
        starts = np.flatnonzero(np.append(True, ids[1:] != ids[:-1])[: len(ids)])
        if len(set(ids)) < len(starts):
            raise Fault(f"{path}: {SERIES}: the rows of a series one below the other were expected; some stand apart.")
        for start, end in pairwise([*starts, len(ids)]):
            yield f"{path.name}[{ids[start]}]", values[start:end]

    def accept(self, arrays: Mapping[str, Array]) -> Columns:
        """Series as a list of arrays (steps, channels), or (steps,) where there is one channel."""
        if set(arrays) != {"x"}:
            raise Fault(f"x, a list of series, was expected; got {', '.join(sorted(arrays)) or 'nothing'}.")
        width, series = len(self.names), []
        for row, values in enumerate(arrays["x"]):
            steps = values[:, np.newaxis] if values.ndim == 1 and width == 1 else values
            if steps.ndim != 2 or steps.shape[1] != width or not len(steps) or np.isinf(steps).any():
                got = "numbers without end" if np.isinf(values).any() else "x".join(map(str, values.shape))
                raise Fault(f"x, row {row}: steps of {width} numbers each, and one step at least, were expected; got {got}.")
            series.append(steps)
        return self._columns(series)

    def example(self) -> dict[str, Array]:
        """The first series in which nothing is missing, if there are some, padded, beside a mask of what is real."""
        _, cases = ts_file.read(self.paths["train"])
        first = [self._named(case.where, case.values) for case in islice(cases, AT_ONCE)]
        whole = [values for values in first if not np.isnan(values).any()]
        chosen = self._columns((whole or first)[:3])
        lengths = np.diff(chosen.offsets["x"])
        mask = np.arange(lengths.max()) < lengths[:, np.newaxis]
        padded = np.zeros((*mask.shape, len(self.names)), np.float32)
        padded[mask] = chosen["x"]
        return {"x": padded, "x_mask": mask}


def _names(channels: int) -> list[str]:
    return [f"channel {number}" for number in range(1, channels + 1)]
