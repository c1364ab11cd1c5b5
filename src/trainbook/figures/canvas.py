"""An empty sheet to draw on, apart from the state that pyplot shares between threads."""

from typing import Literal

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

Margins = tuple[float, float, float, float]

COLOURS = {"train": "#1f77b4", "val": "#d95f02", "validation": "#d95f02", "test": "#1b9e77"}
"""Of each split, in all figures."""


def blank(width: float, height: float, layout: Literal["constrained"] | None = "constrained") -> Figure:
    """Give an empty figure of ``width`` x ``height`` inches, laid out so that no labels overlap or leave it.

    To find that ``layout`` costs as much as drawing; a sheet of many panels that are alike does better with ``grid``.
    """
    figure = Figure(figsize=(width, height), dpi=150, layout=layout)
    FigureCanvasAgg(figure)  # attaches itself; pyplot never hears of the figure, so nobody has to close it
    return figure


def grid(rows: int, columns: int, width: float, height: float, gaps: tuple[float, float], margins: Margins) -> Figure:
    """Give a figure with room for ``rows`` x ``columns`` panels of ``width`` x ``height`` inches.

    Args:
        gaps: inches between panels, to the side and above.
        margins: inches at the left, right, bottom and top.
    """
    left, right, bottom, top = margins
    whole = columns * width + (columns - 1) * gaps[0] + left + right, rows * height + (rows - 1) * gaps[1] + bottom + top
    figure = blank(*whole, layout=None)
    figure.subplots_adjust(
        left / whole[0], bottom / whole[1], 1 - right / whole[0], 1 - top / whole[1], gaps[0] / width, gaps[1] / height
    )
    return figure


def note(text: str) -> Figure:
    """Give a figure that only says something: what stands in a report when there is nothing to draw."""
    figure = blank(5, 1.5)
    figure.text(0.5, 0.5, text, ha="center", va="center", fontsize=11, color="0.3", parse_math=False)
    return figure


def pale(colour: str) -> tuple[float, float, float]:
    """A colour mixed with white, for areas behind lines and words."""
    red, green, blue = (1 - 0.4 * (1 - part) for part in to_rgb(colour))
    return red, green, blue


def shorten(text: str, length: int) -> str:
    """Cut ``text`` to at most ``length`` characters, the last one then an ellipsis."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
