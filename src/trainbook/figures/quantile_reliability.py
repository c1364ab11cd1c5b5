"""Whether what came lay below a forecast's quantile as often as the quantile says."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from trainbook.figures.canvas import blank


def draw(*, quantiles: Sequence[float], below: Sequence[float]) -> Figure:
    """Draw the share of outcomes at or below each quantile against the share that it promises.

    Args:
        quantiles: rising shares.
        below: the share of outcomes at or below each.
    """
    figure = blank(4.4, 4.4)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1, label="as promised")
    axes.plot(list(quantiles), list(below), "o-", color="#3182bd", linewidth=1.6, label="as it came")
    for share, found in zip(quantiles, below, strict=True):
        axes.annotate(f"{found:.3f}", (share, found), xytext=(8, -10), textcoords="offset points", fontsize=8)
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="quantile", ylabel="share of outcomes below", aspect="equal")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="upper left", fontsize=8, frameon=False)
    return figure
