"""Where pictures speak for the answer, and where against it."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from trainbook.figures.canvas import grid, note, shorten


def draw(*, pictures: ArrayLike, maps: Mapping[str, ArrayLike], titles: Sequence[str]) -> Figure:
    """Draw a picture a row, and beside it a map of each method over the faint picture: blue for the answer, red against.

    Args:
        pictures: (m, h, w) or (m, c, h, w), in any range of values; three channels are shown in colour.
        maps: (m, h, w) by method; each is drawn on a scale of its own.
        titles: m, what was answered.

    Raises:
        ValueError: the sizes do not fit.
    """
    pixels = np.asarray(pictures, dtype=np.float64)
    heat = {name: np.asarray(each, dtype=np.float64) for name, each in maps.items()}
    if not len(pixels):
        return note("No pictures.")
    size = (len(pixels), *pixels.shape[-2:])
    if len(titles) != len(pixels) or any(each.shape != size for each in heat.values()):
        raise ValueError(f"Maps of {size} and as many titles were expected; got {[each.shape for each in heat.values()]}.")
    height = 1.6 * float(np.clip(size[1] / size[2], 0.2, 2.5))
    figure = grid(len(pixels), len(heat) + 1, 1.6, height, (0.2, 0.3), (0.1, 0.1, 0.1, 0.8))
    for row, title in enumerate(titles):
        picture = _viewable(pixels[row])
        axes = figure.add_subplot(len(pixels), len(heat) + 1, row * (len(heat) + 1) + 1)
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
        axes.set_title(shorten(title, 26), fontsize=8, parse_math=False)
        axes.set_axis_off()
        for place, (name, each) in enumerate(heat.items(), start=2):
            axes = figure.add_subplot(len(pixels), len(heat) + 1, row * (len(heat) + 1) + place)
            _map(axes, picture, each[row])
            axes.set_title(name.replace("_", " "), fontsize=8)
    figure.suptitle("Blue speaks for the answer, red against it", fontsize=10)
    return figure


def _map(axes: Axes, picture: NDArray[np.float64], heat: NDArray[np.float64]) -> None:
    grey = picture.mean(axis=-1) if picture.ndim == 3 else picture
    axes.imshow(1 - 0.35 * grey, cmap="gray", vmin=0, vmax=1)
    strongest = float(np.abs(heat).max()) or 1.0
    axes.imshow(heat, cmap="RdBu", vmin=-strongest, vmax=strongest, alpha=np.sqrt(np.abs(heat) / strongest) * 0.9)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color("0.8")


def _viewable(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    """(h, w) or (c, h, w) of any range -> (h, w) or (h, w, 3) within 0..1."""
    if picture.ndim == 3:
        picture = np.moveaxis(picture, 0, -1) if len(picture) == 3 else picture.mean(axis=0)
    picture = np.nan_to_num(picture)
    low, high = picture.min(), picture.max()
    return np.asarray((picture - low) / (high - low if high > low else 1))
