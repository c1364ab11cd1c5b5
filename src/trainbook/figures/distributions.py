"""How the values of each column are spread, training rows and test rows over each other."""

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from trainbook.figures.canvas import COLOURS, grid, note, pale, shorten

_BINS, _BARS, _FEWEST = 30, 10, 4
_TAIL = 3.0  # a range so many times as wide as what 99 % of the values need hides them in one bar

Values = Mapping[str, NDArray[np.generic]]


def draw(*, columns: Mapping[str, Mapping[str, ArrayLike]], title: str = "") -> Figure:
    """Draw one panel a column: a histogram of numbers, bars of the most frequent texts; shares of the values there are.

    The first split is filled, others are lines. Where few values lie far out, the last bars hold them, and the panel says so.

    Args:
        columns: by name and split, (n,) numbers (NaN is left out) or text ("" is shown as missing).
    """
    if not columns:
        return note("No column to draw.")
    across = min(4, len(columns))
    down = math.ceil(len(columns) / across)
    figure = grid(down, across, 2.3, 1.45, (0.5, 0.62), (0.55, 0.25, 0.4, 0.85 if title else 0.6))
    for place, (name, splits) in enumerate(columns.items(), start=1):
        axes = figure.add_subplot(down, across, place)
        values = {split: np.asarray(each) for split, each in splits.items()}
        if all(each.dtype.kind in "biuf" for each in values.values()):
            _numbers(axes, values)
        else:
            _texts(axes, values)
        axes.set_title(shorten(name, 34), fontsize=9, parse_math=False)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=7)
    height = figure.get_size_inches()[1]
    if title:
        figure.suptitle(title, fontsize=11, y=1 - 0.08 / height, parse_math=False)
    _legend(figure, next(iter(columns.values())), 1 - (0.32 if title else 0.05) / height)
    return figure


def _numbers(axes: Axes, splits: Values) -> None:
    finite = {split: values[np.isfinite(values)].astype(np.float64) for split, values in splits.items()}
    every = np.concatenate(list(finite.values()))
    if not every.size:
        axes.text(0.5, 0.5, "no value", transform=axes.transAxes, ha="center", va="center", color="0.4", fontsize=8)
        axes.set(xticks=[], yticks=[])
        return
    edges = _edges(every)
    for number, (split, values) in enumerate(finite.items()):
        counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
        share, colour = counts / max(len(values), 1), COLOURS.get(split, "0.35")
        axes.stairs(share, edges, fill=not number, color=colour if number else pale(colour), linewidth=1.3)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,g}" if abs(value) < 1e6 else f"{value:g}")
    _percent(axes)
    beyond = [f"to {every.max():,.6g}"] if every.max() > edges[-1] else []
    beyond += [f"from {every.min():,.6g}"] if every.min() < edges[0] else []
    axes.text(0.98, 0.97, "\n".join(beyond), transform=axes.transAxes, ha="right", va="top", fontsize=7, color="0.4")


def _edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of bins around whole numbers where these are few, else of 30 bins over the range, or over the inner 99 %."""
    low, high = float(values.min()), float(values.max())
    inner_low, inner_high = np.quantile(values, [0.005, 0.995])
    if inner_high > inner_low and high - low > _TAIL * (inner_high - inner_low):
        low, high = float(inner_low), float(inner_high)
    whole = bool((values == np.round(values)).all())
    if whole and high - low < _BINS:
        return np.arange(math.floor(low) - 0.5, math.ceil(high) + 1)
    if whole:  # bins that hold equally many whole numbers
        width = math.ceil((high - low) / _BINS)
        return np.arange(math.floor(low) - 0.5, math.ceil(high) + width, width)
    if low == high:
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, _BINS + 1)


def _texts(axes: Axes, splits: Values) -> None:
    """The name of each text stands on its bar, where there is room whatever its length."""
    first, *_ = splits.values()
    found, counts = np.unique(first.astype(str), return_counts=True)
    everything = np.unique(np.concatenate([each.astype(str) for each in splits.values()]))
    order = [str(each) for each in found[np.argsort(-counts, kind="stable")]]
    order += [str(each) for each in everything if str(each) not in set(order)]
    shown = order if len(order) <= _BARS else order[: _BARS - 1]
    names = [shorten(text, 30) or "(missing)" for text in shown]
    names += [f"{len(order) - len(shown):,} others"] if len(shown) < len(order) else []
    for number, (split, values) in enumerate(splits.items()):
        shares = [float((values.astype(str) == text).mean()) if len(values) else 0.0 for text in shown]
        shares += [1 - sum(shares)] if len(shown) < len(order) else []
        colour = COLOURS.get(split, "0.35")
        if number:
            places = np.arange(len(names))
            axes.vlines(shares, places - 0.45, places + 0.45, color=colour, linewidth=1.5, clip_on=False)
        else:
            axes.barh(range(len(names)), shares, height=0.9, color=pale(colour))
    for place, text in enumerate(names):
        words = axes.text(0.02, place, text, transform=axes.get_yaxis_transform(), va="center", fontsize=7, parse_math=False)
        words.set_path_effects([withStroke(linewidth=2, foreground="white")])  # a line may pass behind
    axes.set_ylim(max(len(names), _FEWEST) - 0.4, -0.6)
    axes.set_yticks([])
    axes.set_xlim(left=0)
    _percent(axes, "x")


def _percent(axes: Axes, which: str = "y") -> None:
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(lambda value, _: f"{100 * value:.3g}%")


def _legend(figure: Figure, splits: Mapping[str, ArrayLike], top: float) -> None:
    handles: list[Patch | Line2D] = []
    for number, split in enumerate(splits):
        colour = COLOURS.get(split, "0.35")
        handles.append(Line2D([], [], color=colour, label=split) if number else Patch(color=pale(colour), label=split))
    figure.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, top), ncols=len(handles), fontsize=9, frameon=False)
