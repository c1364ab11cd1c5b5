"""A timeline in a csv, tsv or parquet file: one series in equal steps, of which the next ones are to be forecast."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from trainbook.columns import Array, Columns
from trainbook.data.sources import frames, schema
from trainbook.data.sources.calendar import WORDS, Calendar
from trainbook.data.sources.clock import Clock
from trainbook.data.sources.grid import Filled, Gaps, on_grid, seconds
from trainbook.data.sources.source import Inputs, Source
from trainbook.faults import Fault

if TYPE_CHECKING:
    from pandas import DataFrame, DatetimeIndex

Limits = Mapping[str, Sequence[float | None] | None]


class Timeline(Source):
    """Columns with a row a step: ``x`` (n, 1 + observed) float32, the target first; ``known`` (n, features) float32; ``y`` (n,)
    float32, the target, NaN where its value is not known; ``time`` (n,) int64, seconds since 1970 in local time; ``origin`` (n,)
    bool, whether a forecast may begin there: not where the step before was filled by looking ahead.

    Steps without a row are true zeros by the rule of ``zero_hours``, or a straight line between their neighbours: then ``x``
    has a value and ``y`` has none. What is observed is carried forward there, so that no window sees its future;
    back only before its first known value, behind which no forecast begins.

    Args:
        path: the file; its rows rise in time.
        time: the column of local times; or ``year``, ``day`` (of the year) and ``hour``, each the name of a column or a number.
        step: how far apart two steps are, such as ``1h`` or ``1D``.
        target: the column to be forecast.
        history: steps that a forecast looks back on.
        horizon: steps ahead that it is for.
        range: smallest and largest value of the target; null = no limit.
        observed: columns of numbers that are known once they have been, with smallest and largest value.
        known: columns of numbers that are known in advance; a file to forecast from has them for the steps ahead, too.
        calendar, country, region: what of the time itself is used, see ``Calendar``.
        confirmed: columns that must equal a word of the calendar in every row.
        sums: columns that must be the sum of others in every row.
        zero_hours: first and last hour of the day of steps that have no row because nothing happened.
        absent: times that never were, such as the hour when clocks go forward.
        longest_gap: steps in a row that may be unknown; null = any number.
        unknown: what a cell holds whose value is not known.
        left_out: columns that are there and not used.
    """

    def __init__(
        self,
        path: str,
        time: str | Mapping[str, str | int],
        step: str,
        target: str,
        history: int,
        horizon: int,
        range: Sequence[float | None] | None = None,
        observed: Limits | None = None,
        known: Limits | None = None,
        calendar: Sequence[str] = (),
        country: str | None = None,
        region: str | None = None,
        confirmed: Mapping[str, str] | None = None,
        sums: Mapping[str, Sequence[str]] | None = None,
        zero_hours: tuple[int, int] | None = None,
        absent: Sequence[str] = (),
        longest_gap: int | None = None,
        unknown: Sequence[str] = ("",),
        left_out: Sequence[str] = (),
    ) -> None:
        from pandas import Timedelta

        if min(history, horizon) < 1:
            raise ValueError(f"history and horizon of at least 1 were expected; got {history} and {horizon}")
        if not calendar and not known:
            raise ValueError("something known in advance was expected, under calendar or known")
        if strange := {*(confirmed or {}).values()} - {*WORDS}:
            raise ValueError(f"confirmed: words of the calendar were expected; got {', '.join(sorted(strange))}")
        if target in (observed or {}) or target in (known or {}):
            raise ValueError(f"{target} is the target; it was expected neither under observed nor under known")
        self.path, self.clock, self.step, self.target = Path(path), Clock(time), Timedelta(step), target
        self.history, self.horizon = history, horizon
        self.observed, self.known = dict(observed or {}), dict(known or {})
        self.ranges = {target: range, **self.observed, **self.known}
        self.calendar = Calendar(calendar, country, region)
        self.confirmed, self.sums = dict(confirmed or {}), dict(sums or {})
        self.gaps, self.unknown = Gaps(zero_hours, list(absent), longest_gap), [str(each) for each in unknown]
        self.left_out, self.filled = list(left_out), cast(Filled | None, None)
        self.settles = {"history": history, "horizon": horizon}

    def files(self) -> list[Path]:
        return [self.path]

    def facts(self) -> dict[str, dict[str, Any]]:
        named = {"x": {"names": [self.target, *self.observed]}, "known": {"names": [*self.known, *self.calendar.names]}}
        return {**named, "y": self.filled.counts() if self.filled else {}}

    def load(self) -> dict[str, Columns]:
        where, frame = str(self.path), frames.read(self.path)
        parts = [part for each in self.sums.values() for part in each]
        named = {
            "time": self.clock.columns,
            "values": [*self.ranges],
            "others": [*self.sums, *parts, *self.confirmed, *self.left_out],
        }
        schema.matched(where, list(map(str, frame.columns)), named)
        cells = self._cells(where, frame, [*self.ranges, *self.sums, *parts, *self.confirmed])
        schema.check(where, cells, self.ranges | dict.fromkeys(self.confirmed), {}, [*self.known, *self.confirmed], [])
        times = self.clock.read(where, frame)
        for total, those in self.sums.items():
            schema.equal(where, cells[total], cells[[*those]].sum(axis=1), f"the sum of {', '.join(those)}")
        for column, word in self.confirmed.items():
            schema.equal(where, cells[column], self.calendar.values(word, times), f"{word} of the calendar")
        table, there = self._table(where, cells, times)
        return {"train": self._columns(where, table, there)}

    def _cells(self, where: str, frame: "DataFrame", names: Sequence[str]) -> "DataFrame":
        from pandas import DataFrame

        return DataFrame({name: frames.numbers(where, name, frame[name], self.unknown) for name in dict.fromkeys(names)})

    def _table(self, where: str, cells: "DataFrame", times: "DatetimeIndex") -> tuple["DataFrame", Array]:
        """The rows from the first to the last one whose target is known, on the grid; and which steps have a row."""
        with_target = np.flatnonzero(cells[self.target].notna())
        if not len(with_target):
            raise Fault(f"{where}: {self.target}: values of at least {self.history} steps were expected; there is none.")
        some = slice(with_target[0], with_target[-1] + 1)
        table = on_grid(where, cells[[*self.ranges]].iloc[some].assign(there=True), times[some], self.step)
        return table.drop(columns="there"), table["there"].notna().to_numpy()

    def _columns(self, where: str, table: "DataFrame", there: Array) -> Columns:
        self.filled = filled = self.gaps.fill(where, table[self.target], there.astype(bool))
        given = table[[*self.observed, *self.known]].ffill()
        doubtful, carried = filled.interpolated | given.isna().any(axis=1).to_numpy(), given.bfill()
        if len(empty := [name for name in carried if carried[name].isna().all()]):
            raise Fault(f"{where}: {empty[0]}: at least one value was expected; there is none.")
        return Columns(
            {
                "x": np.column_stack([filled.values, carried[[*self.observed]].to_numpy()]).astype(np.float32),
                "known": self._known(carried),
                "y": np.where(filled.interpolated, np.nan, filled.values).astype(np.float32),
                "time": seconds(table),
                "origin": ~np.concatenate([[False], doubtful[:-1]]),
            }
        )

    def _known(self, table: "DataFrame") -> Array:
        """What is known in advance of each step (n, features)."""
        return np.column_stack([table[[*self.known]].to_numpy(np.float32), self.calendar(table.index)])

    def read(self, path: Path) -> Inputs:
        """The recent steps of one series; rows without a target after them say what is known of the steps ahead."""
        return Inputs(1, iter([([path.name], self._given(str(path), frames.read(path)))]))

    def _given(self, where: str, frame: "DataFrame") -> Columns:
        """The last ``history`` steps, and the ``horizon`` steps that follow, of which ``x`` holds zeros."""
        from pandas import date_range

        wanted = [*self.clock.columns, *self.ranges]
        if missing := [name for name in wanted if name not in frame]:
            raise Fault(f"{where}: columns {', '.join(wanted)} were expected; missing: {', '.join(missing)}.")
        cells, times = self._cells(where, frame, [*self.ranges]), self.clock.read(where, frame)
        table, there = self._table(where, cells, times)
        if len(table) < self.history:
            raise Fault(f"{where}: at least {self.history} steps up to the forecast were expected; got {len(table)}.")
        past = self._columns(where, table, there).part(len(table) - self.history, len(table))
        ahead = date_range(table.index[-1] + self.step, periods=self.horizon, freq=self.step)
        known = cells[[*self.known]].set_axis(times).reindex(ahead)
        if self.known and known.isna().any(axis=None):
            names = ", ".join(self.known)
            raise Fault(f"{where}: {names} of {self.horizon} steps from {ahead[0]} on, with {self.target} empty, were expected.")
        future = {"x": np.zeros_like(past["x"], shape=(self.horizon, past["x"].shape[1]))}
        future |= {"known": self._known(known), "time": seconds(known)}
        return Columns({name: np.concatenate([past[name], values]) for name, values in future.items()})

    def accept(self, arrays: Mapping[str, Array]) -> Columns:
        """The recent steps of one series, each column of the file by its own name, one value a row."""
        from pandas import DataFrame

        names = [*self.clock.columns, *self.ranges]
        if set(arrays) != set(names):
            lacking, extra = (", ".join(sorted(each)) for each in (set(names) - set(arrays), set(arrays) - set(names)))
            raise Fault(f"columns {', '.join(names)} were expected; missing: {lacking or 'none'}; unknown: {extra or 'none'}.")
        try:
            frame = DataFrame({name: list(values) for name, values in arrays.items()})
        except (ValueError, TypeError) as error:
            raise Fault(f"columns of one length, one value a row, were expected ({error}).") from error
        return self._given("the input", frame)

    def example(self) -> dict[str, Array]:
        """The first steps of the file that a forecast needs, on the grid, by the names of the file's columns."""
        where, frame = str(self.path), frames.read(self.path)
        cells, times = self._cells(where, frame, [*self.ranges]), self.clock.read(where, frame)
        whole = self._table(where, cells, times)[0].ffill().bfill()
        some = whole.head(self.history + (self.horizon if self.known else 0)).copy()
        some.loc[some.index[self.history :], self.target] = np.nan
        return self.clock.written(some) | {name: some[name].to_numpy() for name in self.ranges}
