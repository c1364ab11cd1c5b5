"""How well each of several labels is named: precision, recall and F1, beside how often it is there."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from trainbook.figures.canvas import blank, shorten

MOST = 40


def draw(*, labels: Sequence[str], there: ArrayLike, named: ArrayLike, right: ArrayLike) -> Figure:
    """Draw a line a label, the most frequent one on top.

    Args:
        labels: their names (l).
        there, named, right: (l,) rows that have the label, that were said to have it, and both.
    """
    present, said, both = (np.asarray(each, np.float64) for each in (there, named, right))
    order = np.argsort(-present, kind="stable")[:MOST]
    recall, precision = both / np.maximum(present, 1), both / np.maximum(said, 1)
    f1 = 2 * both / np.maximum(present + said, 1)
    figure = blank(8.5, 1.4 + 0.28 * len(order))
    left, beside = figure.subplots(1, 2, sharey=True, width_ratios=[3, 1])
    places = np.arange(len(order))
    left.hlines(places, np.minimum(recall, precision)[order], np.maximum(recall, precision)[order], color="0.85", linewidth=3)
    for values, marker, colour, name in (
        (recall, "<", "#3182bd", "recall"),
        (precision, ">", "#756bb1", "precision"),
        (f1, "o", "#d95f02", "F1"),
    ):
        left.plot(values[order], places, marker, color=colour, label=name, markersize=5)
    left.set(xlim=(-0.02, 1.02), yticks=places, yticklabels=[shorten(labels[at], 30) for at in order])
    left.grid(axis="x", color="0.92")
    left.legend(loc="lower left", fontsize=8, frameon=False, ncols=3, bbox_to_anchor=(0, 1))
    beside.barh(places, present[order], color="#9ecae1")
    beside.set_xlabel("rows")
    left.invert_yaxis()
    for axes in (left, beside):
        axes.spines[["top", "right"]].set_visible(False)
    return figure
