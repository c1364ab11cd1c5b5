"""A clock: how a table tells the time of each of its rows."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from trainbook.columns import Array
from trainbook.data.sources import frames
from trainbook.faults import Fault

if TYPE_CHECKING:
    from pandas import DataFrame, DatetimeIndex

LIMITS = {"year": (1900, 2200), "day": (1, 366), "hour": (0, 23)}


class Clock:
    """Local times without a zone, in rising order; where clocks go back, the hour that comes twice is one row.

    Args:
        time: a column of timestamps; or columns (or a fixed number) by unit: ``year``, ``day`` of the year, ``hour``.

    Raises:
        ValueError: other units, or too few.
    """

    def __init__(self, time: str | Mapping[str, str | int]) -> None:
        if not isinstance(time, str) and ({*time} - {*LIMITS} or not {*time} >= {"year", "day"}):
            raise ValueError(f"time: a column, or year, day and hour were expected; got {', '.join(time)}")
        self.time = time
        self.columns = [time] if isinstance(time, str) else [each for each in time.values() if isinstance(each, str)]

    def read(self, where: str, frame: "DataFrame") -> "DatetimeIndex":
        """When each row was; ``where`` is how the table is called in complaints.

        Raises:
            Fault: a cell is no time, or times do not rise.
        """
        times = self._stamps(where, frame, self.time) if isinstance(self.time, str) else self._parts(where, frame, self.time)
        apart = np.diff(times.asi8)
        if (apart <= 0).any():
            row = int(np.argmax(apart <= 0)) + 1
            raise Fault(
                f"{where}: rising times, none twice, were expected; row {row + 1} is {times[row]}, after {times[row - 1]}. "
                "Make one row of the hour that comes twice when clocks go back, or give times in UTC."
            )
        return times

    @staticmethod
    def _stamps(where: str, frame: "DataFrame", name: str) -> "DatetimeIndex":
        from pandas import DatetimeIndex, to_datetime

        cells = frame[name]
        try:
            found = DatetimeIndex(to_datetime(cells, errors="coerce", format="ISO8601"))
        except (ValueError, TypeError) as error:
            raise Fault(f"{where}: {name}: local times were expected ({' '.join(str(error).split())[:120]}).") from error
        if found.tz is not None:
            raise Fault(f"{where}: {name}: local times without a zone were expected; {frames.shown(cells.head(1))}.")
        if found.isna().any():
            raise Fault(f"{where}: {name}: times such as 2011-12-31 23:00 were expected; {frames.shown(cells[found.isna()])}.")
        return found

    @staticmethod
    def _parts(where: str, frame: "DataFrame", time: Mapping[str, str | int]) -> "DatetimeIndex":
        from pandas import DatetimeIndex

        parts: dict[str, Any] = {"hour": np.zeros(len(frame), int)}
        for unit, given in time.items():
            if isinstance(given, int):
                parts[unit] = np.full(len(frame), given)
                continue
            values, (low, high) = frames.numbers(where, given, frame[given], ()), LIMITS[unit]
            if len(wrong := frame[given][~((values % 1 == 0) & (values >= low) & (values <= high))]):
                raise Fault(f"{where}: {given}: whole numbers from {low} to {high} were expected; {frames.shown(wrong)}.")
            parts[unit] = values.astype(int)
        begun = np.array([f"{year}-01-01" for year in parts["year"]], "datetime64[s]")
        return DatetimeIndex(begun + ((parts["day"] - 1) * 24 + parts["hour"]).astype("timedelta64[h]"))

    def written(self, table: "DataFrame") -> dict[str, Array]:
        """The times of a table on the grid, by column, as ``read`` takes them."""
        from pandas import DatetimeIndex

        times = DatetimeIndex(table.index)
        if isinstance(self.time, str):
            return {self.time: np.array([str(each) for each in times])}
        units = {"year": times.year, "day": times.day_of_year, "hour": times.hour}
        return {column: np.asarray(units[unit], np.int64) for unit, column in self.time.items() if isinstance(column, str)}
