"""A series on a full grid of equal steps: when each row was, and what becomes of the steps that have no row."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainbook.columns import Array
from trainbook.data.sources import frames
from trainbook.faults import Fault

if TYPE_CHECKING:
    from pandas import DataFrame, DatetimeIndex, Series, Timedelta

TIME = "year", "day", "hour"


def moments(where: str, frame: "DataFrame", time: str | Mapping[str, str | int]) -> "DatetimeIndex":
    """When each row was, in local time.

    Args:
        where: how the table is called in complaints.
        frame: the table.
        time: a column of timestamps; or columns (or a fixed number) by unit: ``year``, ``day`` of the year, ``hour``.

    Raises:
        Fault: a cell is no time.
    """
    from pandas import DatetimeIndex, to_datetime

    if isinstance(time, str):
        cells = frame[time]
        try:
            found = DatetimeIndex(to_datetime(cells, errors="coerce", format="ISO8601"))
        except (ValueError, TypeError) as error:
            raise Fault(f"{where}: {time}: local times were expected ({' '.join(str(error).split())[:120]}).") from error
        if found.tz is not None:
            raise Fault(f"{where}: {time}: local times without a zone were expected; {frames.shown(cells.head(1))}.")
        if found.isna().any():
            raise Fault(f"{where}: {time}: times such as 2011-12-31 23:00 were expected; {frames.shown(cells[found.isna()])}.")
        return found
    limits = {"year": (1900, 2200), "day": (1, 366), "hour": (0, 23)}
    parts: dict[str, Any] = {"hour": np.zeros(len(frame), int)}
    for unit, given in time.items():
        if isinstance(given, int):
            parts[unit] = np.full(len(frame), given)
            continue
        values, (low, high) = frames.numbers(where, given, frame[given], ()), limits[unit]
        if len(wrong := frame[given][(values % 1 != 0) | (values < low) | (values > high)]):
            raise Fault(f"{where}: {given}: whole numbers from {low} to {high} were expected; {frames.shown(wrong)}.")
        parts[unit] = values.astype(int)
    begun = np.array([f"{year}-01-01" for year in parts["year"]], "datetime64[s]")
    return DatetimeIndex(begun + ((parts["day"] - 1) * 24 + parts["hour"]).astype("timedelta64[h]"))


def seconds(table: "DataFrame") -> Array:
    """The times of a table on the grid as int64, seconds since 1970."""
    return table.index.to_numpy().astype("datetime64[s]").astype(np.int64)


def written(table: "DataFrame", time: str | Mapping[str, str | int]) -> dict[str, Array]:
    """The times of a table on the grid as a file has them: what ``moments`` reads, by column."""
    from pandas import DatetimeIndex

    times = DatetimeIndex(table.index)
    if isinstance(time, str):
        return {time: np.array([str(each) for each in times])}
    units = {"year": times.year, "day": times.day_of_year, "hour": times.hour}
    return {column: np.asarray(units[unit], np.int64) for unit, column in time.items() if isinstance(column, str)}


def on_grid(where: str, frame: "DataFrame", times: "DatetimeIndex", step: "Timedelta") -> "DataFrame":
    """The rows by their times, from the first one to the last one in equal steps; a step without a row is empty.

    Raises:
        Fault: times do not rise, one stands there twice, or one lies between two steps.
    """
    from pandas import Series, date_range

    apart = np.diff(times.asi8)
    if (apart <= 0).any():
        row = int(np.argmax(apart <= 0)) + 1
        raise Fault(f"{where}: rising times, none twice, were expected; row {row + 1} is {times[row]}, after {times[row - 1]}.")
    between = Series((times - times[0]) % step != step * 0)
    if between.any():
        told = frames.shown(Series(map(str, times))[between])
        raise Fault(f"{where}: times in steps of {step} from {times[0]} on were expected; {told}.")
    return frame.set_axis(times).reindex(date_range(times[0], times[-1], freq=step))


class Filled(NamedTuple):
    """A target on the grid, without a hole."""

    values: NDArray[np.float64]
    zeros: NDArray[np.bool_]
    """Steps without a row that are true zeros."""
    interpolated: NDArray[np.bool_]
    """Steps of which nothing is known: a straight line from the one before to the one after."""


class Gaps(NamedTuple):
    """What becomes of steps whose target is not known."""

    zero_hours: tuple[int, int] | None
    """Steps without a row, all between these hours of the day (both among them), are zeros."""
    absent: Sequence[str]
    """Times that are no zeros in any case, for they never were: when clocks go forward."""
    longest: int | None
    """More steps in a row are refused."""

    def fill(self, where: str, target: "Series", there: NDArray[np.bool_]) -> Filled:
        """Fill a target on the grid, NaN where it is unknown; ``there`` says which steps have a row.

        Raises:
            Fault: a gap is too long.
        """
        from pandas import DatetimeIndex, to_datetime

        times, values = DatetimeIndex(target.index), target.to_numpy(np.float64, copy=True)
        unknown = np.isnan(values)
        could = ~there & ~times.isin(to_datetime(list(self.absent)))
        low, high = self.zero_hours or (24, -1)
        could &= np.asarray((times.hour >= low) & (times.hour <= high))
        zeros = np.zeros(len(values), bool)
        for start, stop in runs(unknown):
            if could[start:stop].all():
                zeros[start:stop] = True
            elif self.longest is not None and stop - start > self.longest:
                raise Fault(
                    f"{where}: gaps of at most {self.longest} steps were expected; {times[start]} to {times[stop - 1]} are "
                    f"{stop - start}. Mend the file, or longest_gap."
                )
        values[zeros], interpolated = 0, unknown & ~zeros
        known = np.flatnonzero(~interpolated)
        values[interpolated] = np.interp(np.flatnonzero(interpolated), known, values[known])
        return Filled(values, zeros, interpolated)


def runs(mask: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Where the mask is true in a row: from each start to before its stop."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    return [(int(start), int(stop)) for start, stop in edges.reshape(-1, 2)]
