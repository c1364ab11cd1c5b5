"""How the answer changes with one feature, all others being as they are."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from trainbook.figures.canvas import grid, note, shorten

_MOST = 6  # lines that can be told apart


def draw(*, names: Sequence[str], grids: Sequence[ArrayLike], chances: Sequence[ArrayLike], answers: Sequence[str]) -> Figure:
    """Draw a panel a feature: lines over numbers, points over words. Of many answers the six most likely are shown.

    Args:
        names: f features.
        grids: for each feature v numbers or words.
        chances: for each feature (v, answers), mean chances, 0 to 1.
        answers: their names.

    Raises:
        ValueError: the sizes do not fit.
    """
    means = [np.asarray(each, dtype=np.float64) for each in chances]
    if any(each.shape != (len(np.asarray(values)), len(answers)) for each, values in zip(means, grids, strict=True)):
        raise ValueError(f"Chances of {len(answers)} answers at each value were expected; got {[each.shape for each in means]}.")
    if not names:
        return note("No features to show.")
    shown = np.sort(np.argsort(-np.concatenate(means).mean(0), kind="stable")[:_MOST])
    columns = min(3, len(names))
    rows = math.ceil(len(names) / columns)
    below = 0.3 + max(_below(np.asarray(values)) for values in grids)
    beside = columns * (2 if max(len(str(answers[at])) for at in shown) <= 16 else 1)  # names in a line of the legend
    above = 0.4 + 0.2 * math.ceil(len(shown) / beside)
    figure = grid(rows, columns, 2.7, 2.0, (0.3, 0.4 + below), (0.7, 0.2, below, above))
    for place, (name, values, each) in enumerate(zip(names, grids, means, strict=True), start=1):
        axes = figure.add_subplot(rows, columns, place)
        _panel(axes, str(name), np.asarray(values), each[:, shown], [str(answers[at]) for at in shown])
        axes.set_ylim(0, 1.08 * max(float(mean[:, shown].max()) for mean in means))
        if place % columns != 1 and columns > 1:
            axes.set_yticklabels([])
        else:
            axes.set_ylabel("mean chance", fontsize=9)
    lines = figure.axes[0].get_lines()
    labels = [shorten(str(line.get_label()), 32) for line in lines]
    figure.legend(lines, labels, loc="upper center", ncols=min(beside, len(labels)), frameon=False, fontsize=8)
    return figure


def _panel(axes: Axes, name: str, values: NDArray[np.generic], means: NDArray[np.float64], answers: Sequence[str]) -> None:
    words = values.dtype.kind == "U"
    places = np.arange(len(values)) if words else values
    for at, answer in enumerate(answers):
        style: dict[str, Any] = (
            {"linestyle": "none", "marker": "o", "markersize": 5} if words else {"marker": "o", "markersize": 2.5}
        )
        axes.plot(places, means[:, at], label=answer, color=f"C{at}", **style)
    if words:
        axes.set_xticks(places, _shown(values), rotation=90 if _upright(values) else 0, parse_math=False)
        axes.set_xlim(-0.5, len(values) - 0.5)
    axes.set_title(shorten(name, 32), fontsize=10, parse_math=False)
    axes.tick_params(labelsize=8)
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _shown(values: NDArray[np.generic]) -> list[str]:
    return [shorten(str(value), 14) or "missing" for value in values.tolist()]


def _upright(values: NDArray[np.generic]) -> bool:
    """Whether words stand upright, because they have no room side by side."""
    return len(values) * max(map(len, _shown(values))) > 40


def _below(values: NDArray[np.generic]) -> float:
    """Inches that are needed below a panel."""
    return 0.07 * max(map(len, _shown(values))) if values.dtype.kind == "U" and _upright(values) else 0.1
