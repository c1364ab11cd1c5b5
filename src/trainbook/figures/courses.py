"""How series run on average, class by class, channel by channel."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from trainbook.figures.canvas import grid, note, shorten

_CHANNELS, _CLASSES = 12, 10


def draw(*, courses: ArrayLike, classes: Sequence[str], channels: Sequence[str], lengths: Mapping[str, float]) -> Figure:
    """Draw one panel a channel with the mean course of each class; a dot where half of the series of the class have ended.

    Of many, the first 12 channels and the first 10 classes.

    Args:
        courses: (classes, steps, channels); NaN where too few series go on.
        classes, channels: their names.
        lengths: by class, the median length.

    Raises:
        ValueError: names and courses do not fit.
    """
    values = np.asarray(courses, dtype=np.float64)
    if values.ndim != 3 or (values.shape[0], values.shape[2]) != (len(classes), len(channels)):
        raise ValueError(f"({len(classes)}, steps, {len(channels)}) values were expected; got {values.shape}.")
    if not np.isfinite(values).any():
        return note("No series to draw.")
    shown, named = list(channels)[:_CHANNELS], list(classes)[:_CLASSES]
    across = min(4, len(shown))
    down = math.ceil(len(shown) / across)
    wide = max(1, int((2.8 * across + 0.3) / 1.7))  # names beside each other in the legend
    figure = grid(down, across, 2.3, 1.45, (0.5, 0.62), (0.55, 0.25, 0.5, 0.65 + 0.2 * math.ceil(len(named) / wide)))
    colours = matplotlib.colormaps["tab10"].colors  # type: ignore[attr-defined]
    for place, channel in enumerate(shown):
        axes = figure.add_subplot(down, across, place + 1)
        for number, name in enumerate(named):
            course = values[number, :, place]
            axes.plot(np.arange(1, len(course) + 1), course, color=colours[number], linewidth=1.2)
            half = max(0, min(round(lengths[name]), len(course)) - 1)
            axes.plot([half + 1], [course[half]], "o", color=colours[number], markersize=3)
        axes.set_title(shorten(channel, 34), fontsize=9, parse_math=False)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=7)
        axes.set_xlim(1, max(2, values.shape[1]))
    height = figure.get_size_inches()[1]
    left_out = len(shown) < len(channels) or len(named) < len(classes)
    title = f"{len(named)} of {len(classes)} classes, {len(shown)} of {len(channels)} channels" if left_out else "mean course"
    figure.suptitle(title, fontsize=11, y=1 - 0.08 / height)
    handles = [Line2D([], [], color=colours[number], label=shorten(name, 16)) for number, name in enumerate(named)]
    places: Any = {"loc": "upper center", "bbox_to_anchor": (0.5, 1 - 0.32 / height)}
    figure.legend(
        handles=handles, ncols=min(wide, len(named)), fontsize=8, frameon=False, handlelength=1, columnspacing=1, **places
    )
    return figure
