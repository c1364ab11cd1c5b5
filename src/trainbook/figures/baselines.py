"""The network beside its baselines: one metric of each with its interval, and by how much the network is better."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from trainbook.figures.canvas import blank, shorten

Interval = tuple[float, float] | tuple[None, None] | Sequence[float]
NETWORK, OTHERS = "#d95f02", "#4a7fb0"


def draw(
    *,
    metric: str,
    names: Sequence[str],
    values: Sequence[float],
    intervals: Sequence[Interval],
    differences: Sequence[Sequence[float | None]],
    confidence: float,
) -> Figure:
    """Draw a point a line, the network on top, with the paired difference in words beside each baseline.

    Args:
        metric: its name.
        names: the network's, then the baselines'.
        values: (n,) the metric of each.
        intervals: ends of each; None where there are none.
        differences: value, low, high for each baseline; positive where the network is better.
        confidence: of the intervals.

    Raises:
        ValueError: the lengths do not fit together.
    """
    if not len(names) == len(values) == len(intervals) == len(differences) + 1:
        raise ValueError(f"One value and interval for each of {len(names)} names, and one difference less, were expected.")
    figure = blank(8, 1.2 + 0.55 * len(names))
    axes = figure.subplots()
    places = np.arange(len(names))
    for place, value, (low, high) in zip(places, values, intervals, strict=True):
        colour = OTHERS if place else NETWORK
        if low is not None and high is not None:
            axes.plot([low, high], [place, place], color=colour, linewidth=2.5, solid_capstyle="butt")
        axes.plot([value], [place], "o", color=colour, markersize=7)
    axes.axvline(values[0], color=NETWORK, linewidth=1, linestyle=":", zorder=0)
    axes.set_yticks(places, [shorten(name, 28) for name in names], parse_math=False)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.margins(x=0.08)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    right = axes.secondary_yaxis("right")
    said = [f"{values[0]:.4f}", *(_said(*each) for each in zip(values[1:], differences, strict=True))]
    right.set_yticks(places, said, fontsize=9)
    right.tick_params(length=0)
    right.spines["right"].set_visible(False)
    axes.set_xlabel(f"{metric} on the test rows, {confidence:.0%} intervals", parse_math=False)
    return figure


def _said(value: float, difference: Sequence[float | None]) -> str:
    """A baseline's value, and by how much the network is better."""
    apart, low, high = difference
    ends = "" if low is None or high is None else f" [{low:+.4f}, {high:+.4f}]"
    return f"{value:.4f}\nnetwork better by {apart:+.4f}{ends}"
