"""Which classes are taken for which others."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from trainbook.figures.canvas import blank, shorten

_MOST_NUMBERED, _MOST_NAMED = 30, 60  # beyond these a label would be smaller than a person can read


def draw(*, matrix: ArrayLike, classes: Sequence[str]) -> Figure:
    """Draw the counts as coloured cells: rows are true classes, columns predicted ones.

    The colour is the share of the row, so that rare classes are seen as well as frequent ones; its scale follows the
    square root, so that a mistake of one per cent is not invisible. From 31 classes on, numbers are left out.

    Args:
        matrix: (k, k) counts.
        classes: k names, in the order of rows and columns.

    Raises:
        ValueError: the matrix is not square, or has another size than there are classes.
    """
    counts = np.asarray(matrix)
    size = len(classes)
    if counts.shape != (size, size) or not size:
        raise ValueError(f"{size} classes need a confusion matrix of ({size}, {size}); got {counts.shape}.")
    totals = counts.sum(axis=1, keepdims=True)
    share = counts / np.where(totals == 0, 1, totals)
    names = [shorten(str(name), 20) for name in classes]
    longest = max(map(len, names)) * 0.07
    cells = float(np.clip(0.42 * size, 3.0, 10.0))
    figure = blank(cells + longest + 1.6, cells + (longest if longest > 0.4 else 0.2) + 1.0)
    axes = figure.add_subplot()
    picture = axes.imshow(share, cmap="Blues", norm=PowerNorm(0.5, 0, 1))
    if size <= _MOST_NUMBERED:
        _number(axes, counts, share, cell=cells / size)
    _name(axes, names)
    right, total = int(np.trace(counts)), int(counts.sum())
    axes.set_title(f"{right:,} of {total:,} right" + (f" ({right / total:.1%})" if total else ""), fontsize=11)
    bar = figure.colorbar(picture, ax=axes, fraction=0.04, pad=0.03, ticks=[0, 0.01, 0.05, 0.2, 0.5, 1], format="{x:.0%}")
    bar.set_label("share of the true class", fontsize=9)
    bar.ax.tick_params(labelsize=8)
    return figure


def _number(axes: Axes, counts: NDArray[np.generic], share: NDArray[np.float64], *, cell: float) -> None:
    """Print each count into its cell of ``cell`` inches; a digit is about 0.6 of the font size wide."""
    digits = len(str(int(counts.max())))
    fontsize = min(10.0, 72 * cell * 0.85 / (0.62 * max(digits, 2)))
    for (row, column), count in np.ndenumerate(counts):
        colour = "0.5" if count == 0 else "white" if share[row, column] > 0.4 else "black"
        axes.text(column, row, f"{int(count)}", ha="center", va="center", fontsize=fontsize, color=colour)


def _name(axes: Axes, names: Sequence[str]) -> None:
    every = math.ceil(len(names) / _MOST_NAMED)
    places = range(0, len(names), every)
    shown = [names[place] for place in places]
    fontsize = 9 if len(names) <= 30 else 7
    upright = max(map(len, shown)) > 3 or (len(names) > 15 and max(map(len, shown)) > 1)
    axes.set_xticks(places, shown, rotation=90 if upright else 0, fontsize=fontsize, parse_math=False)
    axes.set_yticks(places, shown, fontsize=fontsize, parse_math=False)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
