"""What the first layer looks for: each unit's weights, laid out as the picture they meet."""

import math

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from trainbook.figures.canvas import blank

_MOST = 64


def draw(*, weights: ArrayLike) -> Figure:
    """Draw up to 64 filters on one scale of colours, where white is zero, red positive and blue negative.

    Args:
        weights: (units, h, w), or (units, c, h, w): the channels of a unit then stand side by side.

    Raises:
        ValueError: ``weights`` has another number of dimensions, or holds nothing.
    """
    array = np.asarray(weights, dtype=np.float64)
    if array.ndim not in (3, 4) or not array.size:
        raise ValueError(f"Weights must be (units, h, w) or (units, c, h, w) and not empty; got {array.shape}.")
    units = len(array)
    shown = array[:_MOST] if array.ndim == 4 else array[:_MOST, np.newaxis]
    sheet = _sheet(shown)
    height, width = sheet.shape
    side = min(7.0, 2.5 * math.sqrt(len(shown))) / max(height, width)
    figure = blank(max(side * width + 1.2, 4.0), max(side * height + 0.6, 1.8))
    axes = figure.add_subplot()
    axes.set_axis_off()
    # The extreme weights of one unit would pale all others: beyond the limit the colour just stays.
    finite = np.abs(shown[np.isfinite(shown)])
    limit = float(np.percentile(finite, 99.8)) if finite.any() else 1.0
    picture = axes.imshow(sheet, cmap="RdBu_r", vmin=-limit, vmax=limit, interpolation="nearest")
    count = f"first {_MOST} of {units} units" if units > _MOST else f"{units} unit{'s' if units > 1 else ''}"
    channels = f", {shown.shape[1]} channels side by side" if shown.shape[1] > 1 else ""
    axes.set_title(count + channels, fontsize=11)
    bar = figure.colorbar(picture, ax=axes, fraction=0.04, pad=0.03, label="weight", extend="both")
    bar.ax.tick_params(labelsize=8)
    return figure


def _sheet(filters: NDArray[np.float64]) -> NDArray[np.float64]:
    """(units, c, h, w) -> one picture with all units in a nearly square grid and NaN, shown white, between them."""
    zoom = math.ceil(24 / min(filters.shape[2:]))  # so that the lines between small filters can be thinner than a weight
    filters = filters.repeat(zoom, axis=2).repeat(zoom, axis=3)
    gap = max(3, min(filters.shape[2:]) // 9)
    channels = np.pad(filters, ((0, 0), (0, 0), (0, gap), (0, max(1, gap // 3))), constant_values=np.nan)
    cells = np.concatenate(list(np.moveaxis(channels, 1, 0)), axis=-1)
    cells = np.pad(cells, ((0, 0), (0, 0), (0, gap)), constant_values=np.nan)
    units, height, width = cells.shape
    columns = min(max(round(math.sqrt(units * height / width)), 1), units)
    rows = math.ceil(units / columns)
    sheet = np.full((rows, columns, height, width), np.nan)
    sheet.reshape(rows * columns, height, width)[:units] = cells
    return sheet.transpose(0, 2, 1, 3).reshape(rows * height, columns * width)
