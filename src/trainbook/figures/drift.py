"""Which columns differ most between training rows and test rows."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from trainbook.figures.canvas import blank, note, shorten

_MOST = 30


def draw(
    *, names: Sequence[str], measures: Sequence[str], differences: ArrayLike, p: ArrayLike, beyond_chance: ArrayLike
) -> Figure:
    """Draw the greatest differences as bars, with measure and p value; orange are those that chance explains badly.

    Args:
        names: k columns, the greatest difference first.
        measures: k short names of what is measured.
        differences: (k,) from 0 to 1.
        p: (k,) probabilities of as much by chance.
        beyond_chance: (k,) whether that is too little to believe, given how many columns there are.

    Raises:
        ValueError: they differ in length.
    """
    sizes, chances, marked = np.asarray(differences, dtype=np.float64), np.asarray(p), np.asarray(beyond_chance, dtype=bool)
    lengths = [len(each) for each in (names, measures, sizes, chances, marked)]
    if len(set(lengths)) > 1:
        raise ValueError(f"Equally many names, measures, differences, p values and marks were expected; got {lengths}.")
    if not len(names):
        return note("No test rows to compare with.")
    shown = min(len(names), _MOST)
    figure = blank(7, 1.0 + 0.27 * max(shown, 2))
    axes = figure.add_subplot()
    colours = np.where(marked[:shown], "#d95f02", "#b0b7bf")
    axes.barh(range(shown), sizes[:shown], height=0.75, color=colours.tolist())
    top = float(sizes.max()) or 1.0
    for place in range(shown):
        chance = "< 0.0001" if chances[place] < 1e-4 else f"= {chances[place]:.2g}"
        said = f"{measures[place]}, p {chance}"
        axes.text(1.01, place, said, transform=axes.get_yaxis_transform(), va="center", fontsize=8, color="0.3")
    axes.set_yticks(range(shown), [shorten(name, 38) for name in names[:shown]], fontsize=9, parse_math=False)
    axes.set_ylim(shown - 0.4, -0.6)
    axes.set_xlim(0, 1.03 * top)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("difference of train and test: 0 none, 1 nothing in common", fontsize=9)
    few = f"the {shown} that differ most; " if shown < len(names) else ""
    figure.suptitle(f"{few}{int(marked.sum())} of {len(names)} columns differ more than by chance", fontsize=11)
    return figure
