"""An empty sheet to draw on, apart from the state that pyplot shares between threads."""

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def blank(width: float, height: float) -> Figure:
    """Give an empty figure of ``width`` x ``height`` inches, laid out so that no labels overlap or leave it."""
    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)  # attaches itself; pyplot never hears of the figure, so nobody has to close it
    return figure


def note(text: str) -> Figure:
    """Give a figure that only says something: what stands in a report when there is nothing to draw."""
    figure = blank(5, 1.5)
    figure.text(0.5, 0.5, text, ha="center", va="center", fontsize=11, color="0.3", parse_math=False)
    return figure


def shorten(text: str, length: int) -> str:
    """Cut ``text`` to at most ``length`` characters, the last one then an ellipsis."""
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
