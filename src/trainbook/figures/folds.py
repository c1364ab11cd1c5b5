"""How far the folds of a cross-validation agree."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from trainbook.figures.canvas import grid, note, shorten


def draw(*, values: Mapping[str, Sequence[float]]) -> Figure:
    """Draw one panel per metric: each fold as a point, their mean as a line, and one standard deviation to both sides.

    The deviation is the sample's, over one less than there are folds.

    Args:
        values: by metric, the finite value of each of at least two folds, from fold 0 on.

    Raises:
        ValueError: a metric has fewer than two values.
    """
    if not values:
        return note("No metric was measured in every fold.")
    if few := [name for name, each in values.items() if len(each) < 2]:
        raise ValueError(f"At least two folds were expected; got fewer of {', '.join(few)}.")
    columns = 2 if len(values) == 4 else min(len(values), 3)
    rows = math.ceil(len(values) / columns)
    figure = grid(rows, columns, 2.9, 1.9, (0.7, 0.95), (0.75, 0.15 if columns > 1 else 0.8, 0.5, 0.9))
    for place, (metric, each) in enumerate(values.items(), start=1):
        _panel(figure.add_subplot(rows, columns, place), metric, np.asarray(each, dtype=np.float64))
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", ncols=len(labels), frameon=False)
    return figure


def _panel(axes: Axes, metric: str, values: np.ndarray) -> None:
    mean, deviation = values.mean(), values.std(ddof=1)
    axes.axhspan(mean - deviation, mean + deviation, color="#9ecae1", alpha=0.5, linewidth=0, label="± deviation")
    axes.axhline(mean, color="#1f77b4", label="mean")
    axes.plot(values, linestyle="", marker="o", markersize=5, color="#d95f02", label="fold")
    axes.set_title(f"{shorten(metric.replace('_', ' '), 44)}\n{mean:.4f} ± {deviation:.4f}", fontsize=9, parse_math=False)
    axes.set_xlim(-0.5, len(values) - 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    axes.set_xlabel("fold", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(color="0.9", axis="y")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
