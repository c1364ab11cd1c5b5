"""The pictures on which a model was surest and yet wrong."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from trainbook.figures.canvas import grid, note, shorten

_MOST = 36


def draw(*, pictures: ArrayLike, true: Sequence[str], predicted: Sequence[str], probability: ArrayLike) -> Figure:
    """Draw up to 36 mistaken pictures, the surest mistake first, each under "true 4 → 9 (0.99)".

    Args:
        pictures: (m, h, w) or (m, c, h, w), in any range of values: the smallest and largest of the whole set become
            black and white. Three channels are shown in colour, any other number as their mean, in grey.
        true: m names of the true classes.
        predicted: m names of the predicted classes.
        probability: (m,) what the model gave the predicted class, 0 to 1.

    Raises:
        ValueError: the four differ in length, or ``pictures`` has another number of dimensions.
    """
    pixels, sure = np.asarray(pictures), np.asarray(probability, dtype=np.float64)
    lengths = {len(pixels), len(true), len(predicted), len(sure)}
    if len(lengths) > 1:
        raise ValueError(f"Pictures, true, predicted and probability must be equally many; got {sorted(lengths)}.")
    if not len(sure):
        return note("No mistakes.")
    if pixels.ndim not in (3, 4):
        raise ValueError(f"Pictures must be (m, h, w) or (m, c, h, w); got {pixels.shape}.")
    order = np.argsort(-sure, kind="stable")[:_MOST]
    columns = min(max(math.ceil(math.sqrt(len(order))), 3), 6, len(order))
    rows = math.ceil(len(order) / columns)
    shown = _viewable(pixels[order])
    height = 1.35 * float(np.clip(shown.shape[1] / shown.shape[2], 0.2, 2.5))
    side = max(0.0, (4.0 - 1.55 * columns) / 2)  # so that the title has room above few pictures
    figure = grid(rows, columns, 1.35, height, (0.2, 0.4), (0.1 + side, 0.1 + side, 0.1, 0.75))
    for place, (row, picture) in enumerate(zip(order, shown, strict=True), start=1):
        axes = figure.add_subplot(rows, columns, place)
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
        axes.set_title(_caption(str(true[row]), str(predicted[row]), sure[row]), fontsize=8, parse_math=False)
        axes.set_axis_off()
    total = len(sure)
    everything = "1 mistake" if total == 1 else f"All {total} mistakes, the surest first"
    figure.suptitle(f"The {_MOST} surest of {total:,} mistakes" if total > _MOST else everything, fontsize=11)
    return figure


def _viewable(pictures: NDArray[np.generic]) -> NDArray[np.float64]:
    """(m, h, w) or (m, c, h, w) of any range -> (m, h, w) or (m, h, w, 3) within 0..1."""
    pixels = pictures.astype(np.float64)
    if pixels.ndim == 4:
        pixels = np.moveaxis(pixels, 1, -1) if pixels.shape[1] == 3 else pixels.mean(axis=1)
    pixels = np.nan_to_num(pixels)
    low, high = pixels.min(), pixels.max()
    return np.asarray((pixels - low) / (high - low if high > low else 1))


def _caption(true: str, predicted: str, probability: float) -> str:
    line = f"true {true} → {predicted} ({probability:.2f})"
    return line if len(line) <= 20 else f"true {shorten(true, 17)}\n→ {shorten(predicted, 14)} ({probability:.2f})"
