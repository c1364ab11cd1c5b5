"""Whether answers given with 90 % confidence are right 90 % of the time."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike, NDArray

from trainbook.figures.canvas import blank, note


def draw(*, confidence: ArrayLike, correct: ArrayLike, bins: int = 15) -> Figure:
    """Draw the accuracy of each bin of confidence, above the number of answers in it.

    The title gives the expected calibration error, the mean distance between accuracy and confidence over all
    answers (Guo, Pleiss, Sun, Weinberger: On calibration of modern neural networks, ICML 2017). Bins include their
    lower edge.

    Args:
        confidence: (n,) probability of the predicted class, 0 to 1.
        correct: (n,) whether the prediction was right.
        bins: number of bins of equal width.

    Raises:
        ValueError: the shapes differ, a confidence is no probability, or ``bins`` is below 1.
    """
    sure, right = np.asarray(confidence), np.asarray(correct, dtype=np.float64)
    if sure.shape != right.shape or sure.ndim != 1:
        raise ValueError(f"Confidence and correct must be (n,) both; got {sure.shape} and {right.shape}.")
    if not ((sure >= 0) & (sure <= 1)).all():
        raise ValueError("A confidence must be a probability between 0 and 1.")
    if bins < 1:
        raise ValueError(f"bins must be at least 1; got {bins}.")
    if not sure.size:
        return note("No prediction, so no calibration to judge.")
    # Edges in the confidence's own precision: a float32 answer of 0.7 belongs to the bin that begins at 0.7.
    edges = np.linspace(0, 1, bins + 1, dtype=sure.dtype if sure.dtype.kind == "f" else np.float64)
    place = np.searchsorted(edges, sure, side="right") - 1
    error = _calibration_error(sure.astype(np.float64), right, place, bins + 1)
    figure = blank(5, 5.8)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    _accuracy(upper, sure.astype(np.float64), right, np.minimum(place, bins - 1), bins)
    upper.set_title(f"expected calibration error {error:.4f}", fontsize=11)
    _counts(lower, np.bincount(np.minimum(place, bins - 1), minlength=bins))
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, frameon=False)
    return figure


def _calibration_error(sure: NDArray[np.float64], right: NDArray[np.float64], place: NDArray[np.intp], places: int) -> float:
    """Weight each bin's |accuracy - confidence| by its share of the answers.

    Like torchmetrics, answers of confidence 1 are a bin of their own here (in the picture they stand in the last
    bar), so that the title and a logged metric agree to the last digit.
    """
    surplus = np.bincount(place, weights=right - sure, minlength=places)
    return float(np.abs(surplus).sum() / sure.size)


def _accuracy(axes: Axes, sure: NDArray[np.float64], right: NDArray[np.float64], place: NDArray[np.intp], bins: int) -> None:
    count = np.bincount(place, minlength=bins)
    filled = np.flatnonzero(count)
    accuracy = np.bincount(place, weights=right, minlength=bins)[filled] / count[filled]
    mean = np.bincount(place, weights=sure, minlength=bins)[filled] / count[filled]
    middle = (filled + 0.5) / bins
    axes.bar(middle, accuracy, width=1 / bins, color="#9ecae1", edgecolor="white", label="accuracy")
    axes.vlines(mean, accuracy, mean, color="#d95f02", linewidth=2, label="distance to mean confidence")
    axes.plot([0, 1], [0, 1], color="0.3", linestyle="--", linewidth=1, label="perfect calibration")
    axes.set(xlim=(0, 1), ylim=(0, 1.03), ylabel="accuracy")
    axes.spines[["top", "right"]].set_visible(False)


def _counts(axes: Axes, count: NDArray[np.intp]) -> None:
    bins = len(count)
    axes.bar((np.arange(bins) + 0.5) / bins, count, width=1 / bins, color="0.7", edgecolor="white")
    if count.max() >= 100 * count[count > 0].min():
        axes.set_yscale("log", nonpositive="clip")  # most answers of a good network are sure; the few others matter
        axes.set_ylim(bottom=0.7)
        axes.yaxis.set_major_formatter("{x:,.0f}")
    else:
        axes.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    axes.set(xlabel="confidence", ylabel="answers")
    axes.spines[["top", "right"]].set_visible(False)
