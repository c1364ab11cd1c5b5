"""Which features a model needs most."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from trainbook.figures.canvas import blank, note, shorten

_MOST = 20


def draw(*, names: Sequence[str], losses: ArrayLike, metric: str) -> Figure:
    """Draw the twenty most important features as bars with their deviation, the first on top.

    Args:
        names: f features.
        losses: (f, repeats) how much of the metric was lost each time.
        metric: its name.

    Raises:
        ValueError: the sizes do not fit.
    """
    lost = np.asarray(losses, dtype=np.float64)
    if len(lost) != len(names):
        raise ValueError(f"Losses of {len(names)} features were expected; got {lost.shape}.")
    if not len(names):
        return note("No features to show.")
    means, deviations = lost.mean(1), lost.std(1)
    order = np.argsort(-means, kind="stable")[:_MOST]
    figure = blank(6.4, 0.24 * len(order) + 1.3)
    axes = figure.add_subplot()
    error = {"elinewidth": 1.2, "ecolor": "0.3", "capsize": 2}
    axes.barh(range(len(order)), means[order], xerr=deviations[order], color="#1f77b4", height=0.7, error_kw=error)
    axes.axvline(0, color="0.3", linewidth=0.8)
    axes.set_yticks(range(len(order)), [shorten(str(names[at]), 32) for at in order], fontsize=9, parse_math=False)
    axes.invert_yaxis()
    axes.set_xlabel(f"{shorten(metric, 40)} lost when the feature is shuffled", fontsize=9, parse_math=False)
    more = f"The {_MOST} most important of {len(names)} features" if len(names) > _MOST else "Permutation importance"
    axes.set_title(more, fontsize=11)
    axes.tick_params(axis="x", labelsize=8)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    return figure
