"""A series on a full grid of equal steps, and what becomes of the steps that have no row."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainbook.columns import Array
from trainbook.data.sources import frames
from trainbook.faults import Fault

if TYPE_CHECKING:
    from pandas import DataFrame, DatetimeIndex, Series, Timedelta


def seconds(table: "DataFrame") -> Array:
    """The times of a table on the grid as int64, seconds since 1970."""
    return table.index.to_numpy().astype("datetime64[s]").astype(np.int64)


def on_grid(where: str, frame: "DataFrame", times: "DatetimeIndex", step: "Timedelta") -> "DataFrame":
    """The rows by their times, from the first one to the last one in equal steps; a step without a row is empty.

    Raises:
        Fault: a time lies between two steps.
    """
    from pandas import Series, date_range

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

    def counts(self) -> dict[str, int]:
        """How many steps were filled, and how."""
        return {"zeros": int(self.zeros.sum()), "interpolated": int(self.interpolated.sum())}


@dataclass(frozen=True)
class Gaps:
    """What becomes of steps whose target is not known."""

    zero_hours: tuple[int, int] | None
    """Steps without a row, all between these hours of the day (both among them; 22 to 5 is a night), are zeros."""
    absent: Sequence[str]
    """Times that are no zeros in any case, for they never were: when clocks go forward."""
    longest: int | None
    """More steps in a row are refused."""

    def __post_init__(self) -> None:
        if self.zero_hours and not 0 <= min(self.zero_hours) <= max(self.zero_hours) <= 23:
            raise ValueError(f"zero_hours: hours of the day, 0 to 23, were expected; got {list(self.zero_hours)}")

    def fill(self, where: str, target: "Series", there: NDArray[np.bool_]) -> Filled:
        """Fill a target on the grid, NaN where it is unknown; ``there`` says which steps have a row.

        Raises:
            Fault: a gap is too long.
        """
        from pandas import DatetimeIndex, to_datetime

        times, values = DatetimeIndex(target.index), target.to_numpy(np.float64, copy=True)
        unknown = np.isnan(values)
        could = ~there & ~times.isin(to_datetime(list(self.absent)))
        low, high = self.zero_hours or (24, 24)
        late, early = np.asarray(times.hour >= low), np.asarray(times.hour <= high)
        could &= (late & early) if low <= high else (late | early)
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
