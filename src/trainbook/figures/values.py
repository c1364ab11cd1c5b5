"""How often each value occurs in pictures, or in other columns with many values a row."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from trainbook.figures.canvas import COLOURS, blank, note, pale

_BINS = 64


def draw(*, values: Mapping[str, ArrayLike], title: str = "") -> Figure:
    """Draw the share of values in each of 64 bins, on a logarithmic scale: most of a picture is background.

    Args:
        values: by split, numbers of any shape.
    """
    finite = {split: np.asarray(each)[np.isfinite(each)].astype(np.float64) for split, each in values.items()}
    every = np.concatenate([np.empty(0), *finite.values()])
    if not every.size:
        return note("No values.")
    low, high = float(every.min()), float(every.max())
    edges = np.linspace(low, high, _BINS + 1) if high > low else np.array([low - 0.5, low + 0.5])
    figure = blank(6, 3.4)
    axes = figure.add_subplot()
    for number, (split, each) in enumerate(finite.items()):
        share = np.histogram(each, edges)[0] / max(len(each), 1)
        colour = COLOURS.get(split, "0.35")
        axes.stairs(share, edges, fill=not number, color=colour if number else pale(colour), linewidth=1.5, label=split)
    axes.set_yscale("log", nonpositive="clip")
    axes.yaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g}%")
    axes.set_xlim(edges[0], edges[-1])
    axes.set_xlabel("value", fontsize=9)
    axes.set_ylabel("share of all values", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_title(title, fontsize=11, parse_math=False)
    axes.legend(fontsize=9, frameon=False, loc="upper center")
    return figure
