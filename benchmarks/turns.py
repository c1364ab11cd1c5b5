"""Contestants take turns, so that a machine that slows down slows all of them; a row of the table is what came of it."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

from tqdm import tqdm


@dataclass(frozen=True)
class Row:
    """One comparison: ours, the opponent's, and the ratios of the rounds."""

    what: str
    opponent: str
    reach: float
    ours: list[float]
    theirs: list[float]
    unit: str = "s"
    note: str = ""

    @property
    def ratios(self) -> list[float]:
        return [mine / theirs for mine, theirs in zip(self.ours, self.theirs, strict=True)]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    def cells(self) -> list[str]:
        """The row as a table shows it."""
        form = "{:.0f} MB" if self.unit == "MB" else "{:.2f} s"
        mine, theirs = (form.format(statistics.median(each)) for each in (self.ours, self.theirs))
        spread = f"**{self.ratio:.2f}** ({min(self.ratios):.2f} – {max(self.ratios):.2f})"
        verdict = f"{self.reach:g}" if self.ratio <= self.reach else f"{self.reach:g}, missed"
        return [self.what, self.opponent, mine, theirs, spread, verdict, self.note]


def turns(rounds: int, warm: bool = True, /, **contestants: Callable[[], float]) -> dict[str, list[float]]:
    """Let each contestant measure itself once a round; who begins changes from round to round.

    ``warm``: a round before, that does not count, pays for what is paid once.
    """
    for measure in contestants.values() if warm else ():
        measure()
    found: dict[str, list[float]] = {name: [] for name in contestants}
    names = list(contestants)
    for number in tqdm(range(rounds), desc=" / ".join(names), leave=False, disable=None):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            found[name].append(contestants[name]())
    return found


def seconds(function: Callable[[], object]) -> Callable[[], float]:
    """A contestant whose whole call is timed."""

    def timed() -> float:
        start = time.perf_counter()
        function()
        return time.perf_counter() - start

    return timed
