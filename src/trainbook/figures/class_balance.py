"""How the rows are shared out among classes, or how often each label holds, in each split."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from trainbook.figures.canvas import COLOURS, blank, pale, shorten

_MOST = 50
_MARKS = ("D", "o", "^", "s")


def draw(*, classes: Sequence[str], counts: Mapping[str, ArrayLike], rows: Mapping[str, int], title: str = "") -> Figure:
    """Draw the share of each class in the first split as a bar with its count, that in other splits as a mark.

    Args:
        classes: k names of classes or labels.
        counts: by split, (k,) rows.
        rows: by split, all rows: what shares are of.

    Raises:
        ValueError: a split has another number of counts than there are classes.
    """
    if any(np.shape(each) != (len(classes),) for each in counts.values()):
        raise ValueError(
            f"{len(classes)} counts were expected in each split; got {[np.shape(each) for each in counts.values()]}."
        )
    tables = {split: np.asarray(each, dtype=np.float64) for split, each in counts.items()}
    shares = {split: each / max(rows[split], 1) for split, each in tables.items()}
    shown = np.arange(len(classes))
    if len(classes) > _MOST:
        shown = np.sort(np.argsort(-next(iter(tables.values())), kind="stable")[:_MOST])
        title = f"{title}: the {_MOST} most frequent of {len(classes)}".removeprefix(": ")
    figure = blank(7, 1.3 + 0.3 * max(len(shown), 2))
    axes = figure.add_subplot()
    top = max(float(each.max(initial=0)) for each in shares.values()) or 1.0
    for number, (split, share) in enumerate(shares.items()):
        colour = COLOURS.get(split, "0.35")
        if number:
            mark = _MARKS[(number - 1) % len(_MARKS)]
            axes.plot(share[shown], range(len(shown)), mark, color=colour, markersize=5, label=split, clip_on=False)
        else:
            axes.barh(range(len(shown)), share[shown], height=0.75, color=pale(colour), label=split)
    first, total = next(iter(tables.items()))
    for place, at in enumerate(shown):
        place_of = axes.get_yaxis_transform()
        axes.text(1.01, place, f"{int(total[at]):,}", transform=place_of, va="center", fontsize=8, color="0.3")
    axes.set_yticks(range(len(shown)), [shorten(classes[int(at)], 32) for at in shown], fontsize=9, parse_math=False)
    axes.set_ylim(len(shown) - 0.4, -0.6)
    axes.set_xlim(0, 1.03 * top)
    axes.xaxis.set_major_formatter(lambda value, _: f"{100 * value:.3g}%")
    axes.set_xlabel(f"share of a split's rows; at the right, number of {first} rows", fontsize=9)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(title, fontsize=11, parse_math=False)
    handles, labels = axes.get_legend_handles_labels()
    ordered = [handles[labels.index(split)] for split in shares]  # matplotlib puts lines before bars
    figure.legend(handles=ordered, loc="outside lower center", ncols=len(shares), fontsize=9, frameon=False)
    return figure
