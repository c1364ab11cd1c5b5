"""When, and by which channels, series raised or lowered the score of the answer, or the number that is explained."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from trainbook.figures.canvas import grid, note, shorten

_MOST, _WIDTH = 16, 2.5  # channels of an example, inches of a panel
_FOR, _AGAINST = "#1f77b4", "#d95f02"
_ADDED = LinearSegmentedColormap.from_list("added", [_AGAINST, "white", _FOR])


def draw(
    *, titles: Sequence[str], channels: Sequence[str], start: int, values: Sequence[ArrayLike], attributions: Sequence[ArrayLike]
) -> Figure:
    """Draw a row of panels for each example: its values, what each added or took, and the sum of each channel.

    Values are shown by colour, each channel on a scale of its own over the examples drawn. Of many channels those 16 that
    count most are shown.

    Args:
        titles: n, what each example is and what was answered.
        channels: their names.
        start: number of the first step; below 0 there is a past, and what is to be forecast begins at 0.
        values: of each example (steps, channels), NaN where there is none.
        attributions: the same.

    Raises:
        ValueError: the sizes do not fit.
    """
    numbers, strengths = ([np.asarray(each, dtype=np.float64) for each in kind] for kind in (values, attributions))
    sizes = [each.shape for each in strengths]
    if (
        [each.shape for each in numbers] != sizes
        or any(size[1:] != (len(channels),) for size in sizes)
        or len(titles) != len(sizes)
    ):
        raise ValueError(
            f"{len(titles)} examples of (steps, {len(channels)}) values and attributions were expected; "
            f"got {[each.shape for each in numbers]} and {sizes}."
        )
    if not titles or not channels:
        return note("No series.")
    counted = sum(np.nansum(np.abs(each), axis=0) for each in strengths)
    shown = np.sort(np.argsort(-counted, kind="stable")[:_MOST])
    names = [shorten(channels[at], 22) for at in shown]
    height, room = min(max(0.16 * len(shown), 0.6), 2.4), 0.25 + 0.068 * max(map(len, names))
    figure = grid(len(titles), 3, _WIDTH, height, (0.15, 0.6), (room, 0.15, 0.45, 0.7))
    for row, (title, number, strength) in enumerate(zip(titles, _scaled(numbers), strengths, strict=True)):
        values_of, added, sums = (figure.add_subplot(len(titles), 3, 3 * row + place) for place in (1, 2, 3))
        strongest = strength.flat[np.abs(np.nan_to_num(strength)).argmax()] if strength.size else 0.0
        limit = abs(float(strongest)) or 1.0
        _map(values_of, number[:, shown], start, colormaps["cividis"], (0, 1))
        _map(added, strength[:, shown], start, _ADDED, (-limit, limit))
        _sums(sums, np.nansum(strength, axis=0)[shown])
        values_of.set_yticks(range(len(names)), names, fontsize=7, parse_math=False)
        values_of.set_title(shorten(title, 64), fontsize=9, loc="left", parse_math=False)
        sums.set_title(f"all {np.nansum(strength):+.3g}, strongest {strongest:+.3g}", fontsize=8, loc="right")
    for axes, what in zip(
        figure.axes[:3], ("values: dark is low", "blue raised it, orange lowered it", "sum of a channel"), strict=True
    ):
        box = axes.get_position()
        figure.text((box.x0 + box.x1) / 2, 1 - 0.25 / figure.get_figheight(), what, ha="center", fontsize=9)
    for axes in figure.axes[-3:-1]:
        axes.set_xlabel("step" if start == 0 else "step; the forecast begins at 0", fontsize=8)
    figure.axes[-1].set_xlabel("added", fontsize=8)
    return figure


def _scaled(numbers: Sequence[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """Each channel between 0 and 1 over all examples; a half where it never changes."""
    whole = np.concatenate([np.full((1, numbers[0].shape[1]), np.nan), *numbers])
    low, high = (np.nan_to_num(edge.reduce(whole, axis=0, initial=np.nan)) for edge in (np.fmin, np.fmax))
    return [
        np.where(np.isnan(each), np.nan, np.where(high > low, (each - low) / np.where(high > low, high - low, 1), 0.5))
        for each in numbers
    ]


def _map(axes: Axes, values: NDArray[np.float64], start: int, colours: Colormap, limits: tuple[float, float]) -> None:
    steps, channels = values.shape
    axes.set_facecolor("0.92")
    edges = (start - 0.5, start + max(steps, 1) - 0.5, channels - 0.5, -0.5)
    drawn = values.T if steps else np.full((channels, 1), np.nan)
    axes.imshow(drawn, cmap=colours, vmin=limits[0], vmax=limits[1], aspect="auto", interpolation="nearest", extent=edges)
    if start < 0:
        axes.axvline(-0.5, color="0.2", linewidth=0.8)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    axes.set_yticks([])
    axes.tick_params(labelsize=7)
    axes.spines[:].set_color("0.7")


def _sums(axes: Axes, sums: NDArray[np.float64]) -> None:
    axes.barh(range(len(sums)), sums.tolist(), color=[_FOR if each > 0 else _AGAINST for each in sums], height=0.75)
    axes.axvline(0, color="0.3", linewidth=0.8)
    axes.set_ylim(len(sums) - 0.5, -0.5)
    axes.set_yticks([])
    axes.locator_params(axis="x", nbins=4)
    axes.tick_params(labelsize=7)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
