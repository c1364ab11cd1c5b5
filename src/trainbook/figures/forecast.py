"""What was forecast, what came, and the band in which it should have lain, along the time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from trainbook.figures.canvas import blank, note, pale

PANELS, ONE_AFTER_ANOTHER = 3, 7
"""Stretches that are drawn, and the forecasts of each."""
LINE, CAME = "#d95f02", "0.15"


def draw(*, forecast: ArrayLike, outcome: ArrayLike, quantiles: Sequence[float], time: ArrayLike) -> Figure:
    """Draw three stretches of seven forecasts each, from the beginning, the middle and the end, with what came just before.

    Args:
        forecast: (n, horizon, quantiles).
        outcome: (n, horizon), NaN where it is not known.
        quantiles: rising, 0.5 among them; the outermost two are the band.
        time: (n, horizon) what each step is called, such as ``2011-11-01 00:00:00``.
    """
    said, came = np.asarray(forecast, np.float64), np.asarray(outcome, np.float64)
    times: NDArray[Any] = np.asarray(time).astype("datetime64[s]")
    if not len(said):
        return note("No forecast.")
    rows = min(ONE_AFTER_ANOTHER, len(said))
    last = len(said) - rows
    starts = sorted({0, last // 2, last}) if last >= rows else sorted({0, last})
    figure = blank(10, 0.6 + 2.3 * len(starts))
    for axes, start in zip(figure.subplots(len(starts), 1, squeeze=False)[:, 0], starts[:PANELS], strict=True):
        some = slice(start, start + rows)
        before = slice(max(0, start - 2), start)
        _stretch(axes, times, said, came, some, before, list(quantiles))
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return figure


def _stretch(
    axes: Axes, times: NDArray[Any], said: NDArray[Any], came: NDArray[Any], some: slice, before: slice, quantiles: list[float]
) -> None:
    both = slice(before.start, some.stop)
    axes.plot(times[both].ravel(), came[both].ravel(), color=CAME, linewidth=1.1, label="what came")
    for row in range(some.start, some.stop):
        first = row == some.start
        if len(quantiles) > 1:
            low, high = said[row, :, 0], said[row, :, -1]
            name = f"band from quantile {quantiles[0]:g} to {quantiles[-1]:g}"
            axes.fill_between(times[row], low, high, color=pale(LINE), alpha=0.5, linewidth=0, label=name if first else None)
        point = said[row, :, quantiles.index(0.5)]
        axes.plot(times[row], point, color=LINE, linewidth=1.3, label="forecast" if first else None)
        axes.axvline(times[row, 0], color="0.8", linewidth=0.6, zorder=0)
    axes.set_xlim(times[before.start, 0], times[some.stop - 1, -1])
    axes.set_ylim(bottom=min(0.0, float(np.nanmin([np.nanmin(came[both]), said[some].min()]))))
    axes.xaxis.set_major_formatter(_formatter(axes))
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _formatter(axes: Axes) -> Any:
    from matplotlib.dates import ConciseDateFormatter

    return ConciseDateFormatter(axes.xaxis.get_major_locator())  # type: ignore[no-untyped-call]
