"""What every threshold of a chance would give: the receiver operating characteristic, and precision against recall."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from trainbook.figures.canvas import blank, note, shorten


def draw(*, chances: ArrayLike, positive: ArrayLike, threshold: float, named: str) -> Figure:
    """Draw both curves, with a dot where the chosen threshold stands.

    Args:
        chances: (n,) of the positive class.
        positive: (n,) whether a row is positive.
        threshold: from which on a row is called positive.
        named: the positive class.
    """
    sure, true = np.asarray(chances, np.float64), np.asarray(positive, bool)
    if not true.any() or true.all():
        return note("Rows of one class alone, so nothing to tell apart.")
    order = np.argsort(-sure, kind="stable")
    ends = np.append(np.diff(sure[order]) != 0, True)  # rows of equal chance are called together
    right, wrong = np.cumsum(true[order])[ends], np.cumsum(~true[order])[ends]
    recall, false, precision = right / true.sum(), wrong / (~true).sum(), right / (right + wrong)
    at = int((sure[order][ends] >= threshold).sum()) - 1
    figure = blank(9, 4.4)
    left, beside = figure.subplots(1, 2)
    _curve(left, np.r_[0, false], np.r_[0, recall], at + 1)
    left.plot([0, 1], [0, 1], color="0.6", linestyle="--", linewidth=1)
    area = float(np.trapezoid(np.r_[0, recall], np.r_[0, false]))
    left.set(xlabel="share of the others called so", ylabel="recall", title=f"ROC, area {area:.4f}")
    _curve(beside, recall, precision, max(at, 0))
    beside.axhline(true.mean(), color="0.6", linestyle="--", linewidth=1)
    average = float((np.diff(recall, prepend=0) * precision).sum())
    beside.set(xlabel="recall", ylabel="precision", title=f"precision and recall, average precision {average:.4f}")
    figure.legend(
        labels=[f"threshold {threshold:.3f} for “{shorten(named, 24)}”", "by chance alone"],
        handles=[left.lines[1], left.lines[2]],
        loc="outside lower center",
        ncols=2,
        fontsize=8,
        frameon=False,
    )
    return figure


def _curve(axes: Axes, x: ArrayLike, y: ArrayLike, at: int) -> None:
    across, up = np.asarray(x), np.asarray(y)
    axes.plot(across, up, color="#3182bd", linewidth=1.6)
    axes.plot(across[at : at + 1], up[at : at + 1], "o", color="#d95f02")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.spines[["top", "right"]].set_visible(False)
