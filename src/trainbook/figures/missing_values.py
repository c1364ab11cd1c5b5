"""Which columns have how many holes, in each split."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from trainbook.figures.canvas import COLOURS, blank, note, shorten

_MOST = 40


def draw(*, names: Sequence[str], shares: Mapping[str, ArrayLike]) -> Figure:
    """Draw the share of missing values as bars, the columns with most holes first; columns without any are left out.

    Args:
        names: k columns.
        shares: by split, (k,) from 0 to 1.

    Raises:
        ValueError: a split has another number of shares than there are names.
    """
    if any(np.shape(each) != (len(names),) for each in shares.values()):
        raise ValueError(f"{len(names)} shares were expected in each split; got {[np.shape(each) for each in shares.values()]}.")
    table = np.array([np.asarray(each, dtype=np.float64) for each in shares.values()]).reshape(len(shares), len(names))
    order = [int(at) for at in np.argsort(-table.max(axis=0, initial=0), kind="stable") if table[:, at].any()]
    if not order:
        return note("No value is missing.")
    shown = order[:_MOST]
    figure = blank(7, 1.1 + 0.34 * len(shown) + 0.25 * (len(shown) == 1))
    axes = figure.add_subplot()
    thick = 0.8 / len(shares)
    for number, split in enumerate(shares):
        places = np.arange(len(shown)) + (number - (len(shares) - 1) / 2) * thick
        axes.barh(places, table[number, shown], height=thick, color=COLOURS.get(split, "0.5"), label=split)
    axes.set_yticks(range(len(shown)), [shorten(names[at], 32) for at in shown], fontsize=9, parse_math=False)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.xaxis.set_major_formatter("{x:.0%}" if table.max() >= 0.05 else "{x:.2%}")
    axes.set_xlim(0, min(1.0, 1.05 * float(table.max())))
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    few = f"the {_MOST} with the most of {len(order)} columns with missing values" if len(order) > _MOST else ""
    figure.suptitle(few or f"missing values in {len(order)} of {len(names)} columns", fontsize=11)
    figure.legend(loc="outside lower center", ncols=len(shares), fontsize=9, frameon=False)
    return figure
