"""How loss, accuracy and every other logged number went from epoch to epoch."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

from trainbook.figures.canvas import COLOURS, grid, note, shorten

Curve = tuple[list[float], list[float]]

_STEERING = ("learning_rate", "gradient_norm")  # how the training went, not how good it became: drawn last


def draw(*, history: Sequence[Mapping[str, float]]) -> Figure:
    """Draw one panel per metric, with one line per split.

    Args:
        history: one mapping per epoch: ``epoch`` and ``<split>/<metric>``, such as ``val/loss``, in the metric's own
            unit. A metric may be absent from some epochs; values that are not finite are left out of the line.

    Raises:
        KeyError: a mapping has no ``epoch``.
    """
    panels = _panels(history)
    if not panels:
        return note("No epoch was logged.")
    columns = 2 if len(panels) == 4 else min(len(panels), 3)
    rows = math.ceil(len(panels) / columns)
    figure = grid(rows, columns, 2.9, 1.9, (0.7, 0.8), (0.65, 0.15 if columns > 1 else 0.8, 0.5, 0.75))
    for place, (metric, curves) in enumerate(panels.items(), start=1):
        _panel(figure.add_subplot(rows, columns, place), metric, curves)
    _legend(figure)
    return figure


def _panels(history: Sequence[Mapping[str, float]]) -> dict[str, dict[str, Curve]]:
    """Metric -> split -> (epochs, values), in the order in which a person reads them."""
    panels: dict[str, dict[str, Curve]] = {}
    for record in history:
        for name, value in record.items():
            if name != "epoch":
                split, metric = name.split("/", 1) if "/" in name else ("", name)
                epochs, values = panels.setdefault(metric, {}).setdefault(split, ([], []))
                epochs.append(float(record["epoch"]))
                values.append(float(value))
    return dict(sorted(panels.items(), key=lambda panel: (panel[0].startswith(_STEERING), panel[0] != "loss")))


def _panel(axes: Axes, metric: str, curves: Mapping[str, Curve]) -> None:
    for split, (epochs, values) in curves.items():
        marker = "o" if len(epochs) <= 30 else None  # a single epoch has no line to be seen
        axes.plot(epochs, values, label=split, color=COLOURS.get(split, "0.35"), marker=marker, markersize=3.5)
    every = np.concatenate([epochs for epochs, _ in curves.values()])
    margin = 0.5 if every.min() == every.max() else 0.04 * (every.max() - every.min())
    axes.set_xlim(every.min() - margin, every.max() + margin)
    seen = np.concatenate([values for _, values in curves.values()])
    seen = seen[np.isfinite(seen)]
    if metric.startswith(_STEERING) and seen.size and seen.min() > 0 and seen.max() >= 100 * seen.min():
        axes.set_yscale("log")
        axes.yaxis.set_minor_formatter(NullFormatter())
    if not seen.size:
        axes.text(0.5, 0.5, "no finite value", transform=axes.transAxes, ha="center", va="center", color="0.4")
        axes.set_yticks([])
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, min_n_ticks=1))
    axes.set_title(shorten(metric.replace("_", " "), 32), fontsize=11, parse_math=False)
    axes.set_xlabel("epoch", fontsize=9)
    axes.tick_params(labelsize=8)
    axes.grid(color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _legend(figure: Figure) -> None:
    """Name each split once, above all panels."""
    lines = {str(line.get_label()): line for axes in figure.axes for line in axes.get_lines()}
    lines = {split: line for split, line in lines.items() if not split.startswith("_")}  # matplotlib's word for none
    if lines:
        figure.legend(lines.values(), lines.keys(), loc="upper center", ncols=len(lines), frameon=False)
