"""Cut a series by time: what is learnt from lies before what is validated on, and that before the test."""

from typing import Any, NamedTuple

import numpy as np

from trainbook.columns import Columns, Mask
from trainbook.faults import Fault


class Cut(NamedTuple):
    """Where parts of a series begin and end, by step."""

    validation: int
    test: int
    end: int


class Chronological:
    """Cuts a series with the columns ``time`` (n,) and ``origin`` (n,) in training, validation and test.

    Validation and test have the ``history`` before them, too, which windows look back on and in which none begins. ``origin``
    says where a forecast begins: every so-manyth step.

    Args:
        history, horizon: of a window; the source settles them.
        validation: where it begins, such as ``2011-10-01``; or how many steps it has, or which share of all if below 1.
        test: the same for the test, which goes on to the end.
        every: steps between two forecasts of validation and test; null = the horizon, so that none overlap.
        every_train: the same for training.
        offset: null = steps are counted from the beginning of each part; a number = by the clock, so many steps later than
            midnight, where 24 hours lie between two forecasts, say.
        folds: so many trainings for a backtest: each has a test as long as validation, the last one at the end, validation
            before it, and learns from all that comes before; null = no backtest.
        fold: the one of them, 0 to folds - 1.
    """

    def __init__(
        self,
        history: int,
        horizon: int,
        validation: int | float | str = 0.1,
        test: int | float | str = 0.2,
        every: int | None = None,
        every_train: int = 1,
        offset: int | None = None,
        folds: int | None = None,
        fold: int = 0,
    ) -> None:
        for name, given in (("validation", validation), ("test", test)):
            if not isinstance(given, str) and (given <= 0 or (isinstance(given, float) and given >= 1)):
                raise ValueError(f"{name}: a date, a count of steps or a share below 1 was expected; got {given}")
            if isinstance(given, str) and not _is_date(given):
                raise ValueError(f"{name}: a date such as 2011-10-01, a count of steps or a share was expected; got {given!r}")
        if every_train < 1 or (every is not None and every < 1) or (offset or 0) < 0:
            raise ValueError(
                f"every and every_train from 1 and offset from 0 were expected; got {every}, {every_train}, {offset}"
            )
        if folds is not None and (folds < 2 or not 0 <= fold < folds):
            raise ValueError(f"at least two folds, and one of them, counted from 0, were expected; got {fold} of {folds}")
        self.history, self.horizon, self.validation, self.test = history, horizon, validation, test
        self.every, self.every_train, self.offset = every or horizon, every_train, offset
        self.folds, self.fold = folds, fold

    def __call__(self, parts: dict[str, Columns]) -> dict[str, Columns]:
        """``{"train", "validation", "test"}`` from ``{"train"}``, the whole series.

        Raises:
            Fault: a part has no room for a window.
        """
        if set(parts) != {"train"} or not {"time", "origin"} <= set(parts["train"]):
            raise Fault("split: one series with its times was expected, without an official test. Take another split.")
        series = parts["train"]
        cut = self._cut(series["time"])
        ends = {"train": (0, cut.validation), "validation": (cut.validation, cut.test), "test": (cut.test, cut.end)}
        window = self.history + self.horizon
        for name, (start, stop) in ends.items():
            if stop - start < (window if name == "train" else self.horizon) or (name != "train" and start < self.history):
                raise Fault(
                    f"split: {name} has {max(0, stop - start)} steps from step {start} on: room for a window of "
                    f"{self.history} and {self.horizon} steps was expected. Move its ends, or take fewer folds."
                )
        return {name: self._part(series, name, *each) for name, each in ends.items()}

    def _cut(self, times: Any) -> Cut:
        end = len(times)
        test = self._start(self.test, times, end)
        cut = Cut(self._start(self.validation, times, test), test, end)
        if self.folds is None:
            return cut
        length = cut.test - cut.validation
        last = end - (self.folds - 1 - self.fold) * length
        return Cut(last - 2 * length, last - length, last)

    @staticmethod
    def _start(given: int | float | str, times: Any, end: int) -> int:
        """The step at which a part begins that goes on to ``end``."""
        if isinstance(given, str):
            return int(np.searchsorted(times, np.datetime64(given, "s").astype(np.int64)))
        return end - (given if isinstance(given, int) else round(given * len(times)))

    def _part(self, series: Columns, name: str, start: int, stop: int) -> Columns:
        before = 0 if name == "train" else self.history
        part = series.part(start - before, stop)
        times: Any = part["time"]
        begun = times[before] if self.offset is None else self.offset * (times[1] - times[0])
        counted = (times - begun) // (times[1] - times[0])
        origin: Mask = (counted % (self.every_train if name == "train" else self.every) == 0) & part["origin"].astype(bool)
        origin[:before] = False
        return part.replace(origin=origin)


def _is_date(text: str) -> bool:
    try:
        return not np.isnat(np.datetime64(text, "s"))
    except ValueError:
        return False
