"""What an explanation of some rows holds."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainbook.explanations.feature import text

Array = NDArray[np.float32]


class Words(NamedTuple):
    """A text of each row."""

    words: list[list[str]]
    attributions: list[Array]
    """(length,) each"""


class Series(NamedTuple):
    """Channels over time of each row: those of all inputs that are series, beside one another."""

    channels: list[str]
    start: int
    """Number of the first step; steps to be forecast begin at 0."""
    values: list[Array]
    """(length, channels) each, raw where the raw data have them; NaN where a channel has no value."""
    attributions: list[Array]
    """(length, channels) each, NaN as above"""


class Explained(NamedTuple):
    """Some rows, what the model answered, and why."""

    rows: list[str]
    answers: list[str]
    """The class or label with the highest score; or the name of the number that is explained."""
    amounts: list[float]
    """The chance of that class or label; or the number."""
    names: list[str]
    """Features that are no pixels, words or steps."""
    readable: list[bool]
    """Whether the raw data have a feature of that name, from which its values are taken; else they are as prepared."""
    values: list[list[str]]
    """(n, features)"""
    attributions: Array
    """(n, features)"""
    pictures: Array | None
    """(n, channels, height, width)"""
    maps: dict[str, Array]
    """(n, height, width) by method"""
    words: dict[str, Words]
    """By input."""
    series: Series | None
    errors: list[float]
    """The difference between a row's attributions together and its score less that of the baseline."""

    def first(self, count: int) -> "Explained":
        """The first so many rows."""
        return self._replace(
            rows=self.rows[:count],
            answers=self.answers[:count],
            amounts=self.amounts[:count],
            errors=self.errors[:count],
            values=self.values[:count],
            attributions=self.attributions[:count],
            pictures=None if self.pictures is None else self.pictures[:count],
            maps={name: each[:count] for name, each in self.maps.items()},
            words={name: Words(each.words[:count], each.attributions[:count]) for name, each in self.words.items()},
            series=self.series
            and self.series._replace(values=self.series.values[:count], attributions=self.series.attributions[:count]),
        )

    def features(self) -> Iterator[tuple[str, str, str, float, str]]:
        """Row, feature, value, attribution and answer, a line a feature."""
        for row, answer, values, parts in zip(self.rows, self.answers, self.values, self.attributions.tolist(), strict=True):
            for name, value, part in zip(self.names, values, parts, strict=True):
                yield row, name, value, part, answer

    def places(self, name: str) -> Iterator[tuple[str, int, str, float, str]]:
        """Row, place, word, attribution and answer, a line a word of an input."""
        for row, answer, words, parts in zip(self.rows, self.answers, *self.words[name], strict=True):
            for place, (word, part) in enumerate(zip(words, parts.tolist(), strict=True)):
                yield row, place, word, part, answer

    def steps(self) -> Iterator[tuple[str, int, str, str, float, str]]:
        """Row, step, channel, value, attribution and answer, a line each channel of each step."""
        if self.series is None:
            return
        channels, start, *both = self.series
        for row, answer, values, parts in zip(self.rows, self.answers, *both, strict=True):
            for step, at in zip(*np.nonzero(~np.isnan(parts)), strict=True):
                value, part = float(values[step, at]), float(parts[step, at])
                yield row, start + int(step), channels[at], text(value), part, answer
