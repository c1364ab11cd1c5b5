"""Which features raised the score of the answer to a row, and which lowered it."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from trainbook.figures.canvas import grid, note, shorten

_MOST = 12  # bars of a row
_LONGEST = 26, 12  # characters of a name and a value
_FOR, _AGAINST = "#1f77b4", "#d95f02"


def draw(
    *, titles: Sequence[str], names: Sequence[str], values: Sequence[Sequence[str | None]], attributions: ArrayLike
) -> Figure:
    """Draw a panel a row, with the twelve features that count most, the strongest on top; the others are one number.

    Args:
        titles: r, what each row is and what was answered.
        names: f features.
        values: (r, f) what each feature is in each row; nothing if it is missing, None if nobody can read it.
        attributions: (r, f) what it adds to the score of the answer.

    Raises:
        ValueError: the sizes do not fit.
    """
    strength = np.asarray(attributions, dtype=np.float64)
    if strength.shape != (len(titles), len(names)) or [len(row) for row in values] != [len(names)] * len(titles):
        raise ValueError(f"{len(titles)} rows of {len(names)} values and attributions were expected; got {strength.shape}.")
    if not strength.size:
        return note("No features to show.")
    labels = [[_label(name, value) for name, value in zip(names, row, strict=True)] for row in values]
    room = 0.3 + 0.065 * max(len(label) for row in labels for label in row)
    columns, bars = min(2, len(titles)), min(len(names), _MOST)
    rows = math.ceil(len(titles) / columns)
    figure = grid(rows, columns, 2.9, 0.2 * bars + 0.15, (room + 0.2, 0.75), (room, 0.25, 0.55, 0.85))
    for place, title in enumerate(titles, start=1):
        _panel(figure.add_subplot(rows, columns, place), title, labels[place - 1], strength[place - 1])
    figure.suptitle("What raised (right) or lowered (left) the score", fontsize=10)
    return figure


def _label(name: str, value: str | None) -> str:
    if value is None:
        return shorten(name, sum(_LONGEST))
    name, value = shorten(name, _LONGEST[0]), shorten(value, _LONGEST[1])
    return f"{name} = {value}" if value else f"{name} missing"


def _panel(axes: Axes, title: str, labels: Sequence[str], strength: NDArray[np.float64]) -> None:
    order = np.argsort(-np.abs(strength), kind="stable")
    shown, rest = order[:_MOST], order[_MOST:]
    named, lengths = [labels[at] for at in shown], strength[shown].tolist()
    axes.barh(range(len(named)), lengths, color=[_FOR if each > 0 else _AGAINST for each in lengths], height=0.75)
    axes.axvline(0, color="0.3", linewidth=0.8)
    axes.set_yticks(range(len(named)), named, fontsize=8, parse_math=False)
    axes.invert_yaxis()
    axes.tick_params(axis="x", labelsize=8)
    axes.locator_params(axis="x", nbins=5)
    axes.set_title(shorten(title, 44), fontsize=9, parse_math=False)
    axes.set_xlabel(
        "added to the score" + (f" ({len(rest)} others: {strength[rest].sum():+.3g})" if len(rest) else ""), fontsize=8
    )
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
