"""The calendar: what is known of any time in advance, from the time alone."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from pandas import DatetimeIndex, Index

CYCLES = {"hour": 24.0, "weekday": 7.0, "month": 12.0, "day_of_year": 365.25}
"""After how many of its own units each comes again."""
FLAGS = ("workingday", "holiday")
WORDS = (*CYCLES, *FLAGS)


class Calendar:
    """Cycles as sine and cosine, so that 23 o'clock lies beside 0 o'clock; flags as 0 and 1.

    A holiday is one that is kept on a weekday, from Monday to Friday: the day itself, or that on which it is observed. A working
    day is a weekday without one. Holidays are those of the package ``holidays``.

    Args:
        words: of ``hour``, ``weekday``, ``month``, ``day_of_year``, ``workingday``, ``holiday``.
        country: whose holidays count, as its code of two letters; needed for both flags.
        region: of the country, as ``holidays`` calls it.

    Raises:
        ValueError: a word, a country or a region that nobody knows.
    """

    def __init__(self, words: Sequence[str], country: str | None, region: str | None) -> None:
        if strange := [word for word in words if word not in WORDS]:
            raise ValueError(f"calendar: words among {', '.join(WORDS)} were expected; got {', '.join(strange)}")
        if country is None and (region or {*words} & {*FLAGS}):
            raise ValueError(f"calendar: a country was expected beside {', '.join(FLAGS)} or a region, whose holidays count")
        if country is not None:
            import holidays

            known = holidays.list_supported_countries()
            if country not in known or (region is not None and region not in known[country]):
                raise ValueError(f"country and region: such as `holidays` knows were expected; got {country}, {region}")
        self.words, self.country, self.region = list(words), country, region

    @property
    def names(self) -> list[str]:
        """Of the features, in their order."""
        return [name for word in self.words for name in ([f"{word}_sine", f"{word}_cosine"] if word in CYCLES else [word])]

    def __call__(self, times: "Index[Any]") -> NDArray[np.float32]:
        """The features (n, features)."""
        found: list[Any] = []
        for word in self.words:
            values = self.values(word, times)
            if word in CYCLES:
                angles = 2 * np.pi * values / CYCLES[word]
                found += [np.sin(angles), np.cos(angles)]
            else:
                found.append(values)
        return np.array(found, np.float32).reshape(len(found), len(times)).T

    def values(self, word: str, when: "Index[Any]") -> NDArray[np.float64]:
        """What a word says of each time, as a number: the hour from 0, the weekday from Monday = 0, month and day from 0."""
        from pandas import DatetimeIndex

        times = DatetimeIndex(when)
        if word == "hour":
            return np.asarray(times.hour + times.minute / 60, np.float64)
        if word == "weekday":
            return np.asarray(times.day_of_week, np.float64)
        if word == "month":
            return np.asarray(times.month - 1, np.float64)
        if word == "day_of_year":
            return np.asarray(times.day_of_year - 1, np.float64)
        weekdays = np.asarray(times.day_of_week) < 5
        holidays = weekdays & self._holidays(times)
        return (holidays if word == "holiday" else weekdays & ~holidays).astype(np.float64)

    def _holidays(self, times: "DatetimeIndex") -> NDArray[np.bool_]:
        import holidays

        days = holidays.country_holidays(str(self.country), subdiv=self.region, years=sorted({*times.year}))
        return np.array([day in days for day in times.date], bool)
