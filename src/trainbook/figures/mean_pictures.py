"""What the pictures of each class look like on average."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from trainbook.figures.canvas import grid, note, shorten

_MOST = 36


def draw(*, means: ArrayLike, classes: Sequence[str], counts: ArrayLike) -> Figure:
    """Draw up to 36 mean pictures, on one scale of grey from the darkest value of all to the brightest.

    Args:
        means: (k, h, w) or (k, c, h, w); three channels are shown in colour, any other number as their mean.
        classes: k names.
        counts: (k,) pictures behind each mean.

    Raises:
        ValueError: the three differ in length, or ``means`` has another number of dimensions.
    """
    pixels, behind = np.asarray(means, dtype=np.float64), np.asarray(counts)
    if pixels.ndim not in (3, 4) or len({len(pixels), len(classes), len(behind)}) > 1:
        raise ValueError(f"k pictures, names and counts were expected; got {pixels.shape}, {len(classes)} and {len(behind)}.")
    if not len(pixels):
        return note("No classes, so no mean pictures.")
    if pixels.ndim == 4:
        pixels = np.moveaxis(pixels, 1, -1) if pixels.shape[1] == 3 else pixels.mean(axis=1)
    shown = pixels[:_MOST]
    low, high = float(np.nanmin(shown, initial=np.inf)), float(np.nanmax(shown, initial=-np.inf))
    shown = np.nan_to_num((shown - low) / (high - low if high > low else 1))
    across = min(len(shown), 5 if len(shown) <= 15 else 6)
    down = math.ceil(len(shown) / across)
    height = 1.35 * float(np.clip(shown.shape[1] / shown.shape[2], 0.2, 2.5))
    side = max(0.0, (4.0 - 1.55 * across) / 2)
    figure = grid(down, across, 1.35, height, (0.2, 0.42), (0.1 + side, 0.1 + side, 0.1, 0.8))
    for place, picture in enumerate(shown):
        axes = figure.add_subplot(down, across, place + 1)
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
        axes.set_title(f"{shorten(str(classes[place]), 20)}\n{int(behind[place]):,} rows", fontsize=8, parse_math=False)
        axes.set_axis_off()
    few = f"the first {_MOST} of {len(classes)} classes" if len(classes) > _MOST else f"{len(classes)} classes"
    figure.suptitle(f"mean pictures of {few}", fontsize=11)
    return figure
