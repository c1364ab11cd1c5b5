"""Which columns go up and down together."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from trainbook.figures.canvas import grid, note, shorten

_MOST_NUMBERED = 16


def draw(*, matrix: ArrayLike, names: Sequence[str], title: str = "") -> Figure:
    """Draw correlations as coloured cells: red together, blue against each other, grey where one column is constant.

    Args:
        matrix: (k, k) from -1 to 1; NaN where there is none.
        names: k columns.

    Raises:
        ValueError: the matrix is not square, or has another size than there are names.
    """
    values, size = np.asarray(matrix, dtype=np.float64), len(names)
    if values.shape != (size, size):
        raise ValueError(f"{size} columns need a matrix of ({size}, {size}); got {values.shape}.")
    if size < 2:
        return note("Fewer than two numbers, so no correlation.")
    shown = [shorten(name, 30) for name in names]
    fontsize = 9 if size <= 24 else 7
    longest = 0.2 + max(map(len, shown)) * 0.7 * fontsize / 72
    cells = float(np.clip(0.45 * size, 2.6, 8.5))
    figure = grid(1, 1, cells, cells, (0, 0), (longest, 1.1, longest, 0.45))
    axes = figure.add_subplot()
    axes.set_facecolor("0.85")
    picture = axes.imshow(np.ma.masked_invalid(values), cmap="RdBu_r", vmin=-1, vmax=1)
    if size <= _MOST_NUMBERED:
        for (row, column), value in np.ndenumerate(values):
            colour = "white" if abs(value) > 0.6 else "black"
            text = f"{value:.2f}".replace("0.", ".") if np.isfinite(value) and abs(value) < 1 else ""
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(size), shown, rotation=90, fontsize=fontsize, parse_math=False)
    axes.set_yticks(range(size), shown, fontsize=fontsize, parse_math=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=11, parse_math=False)
    bar = figure.colorbar(picture, cax=axes.inset_axes((1 + 0.15 / cells, 0, 0.18 / cells, 1)), ticks=[-1, -0.5, 0, 0.5, 1])
    bar.set_label("Pearson's r", fontsize=9)
    bar.ax.tick_params(labelsize=8)
    return figure
