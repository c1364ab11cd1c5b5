"""Explanations of single rows, as tables, maps and figures in a folder."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from trainbook.columns import Columns
from trainbook.explanations.attribution import STEPS, Attributor, Explained
from trainbook.explanations.tables import write
from trainbook.faults import Fault
from trainbook.figures import attributions, saliency
from trainbook.model import Model

DRAWN, AT_ONCE = 6, 50
"""Rows that are drawn, and that are explained at once."""


def explain(model: Model, path: Path, train: Columns | None, folder: Path, quiet: bool) -> dict[str, Any]:
    """Explain the answer to every raw input; returns how it was done.

    Writes ``answers.csv``; ``attributions.csv`` where there are features other than pixels; ``maps/`` for pictures; figures.

    Raises:
        Fault: the path holds no inputs of this model's kind.
    """
    parts = list(_parts(model, path, Attributor(model, train), quiet))
    if not parts:
        raise Fault(f"input={path}: at least one row was expected; it holds none.")
    rows = [row for part in parts for row in zip(part.rows, part.answers, part.chances, strict=True)]
    write(folder / "answers.csv", ["row", "answer", "chance"], rows)
    first = parts[0].first(DRAWN)
    titles = [f"{row}: {answer} ({chance:.2f})" for row, answer, chance in rows[: len(first.rows)]]
    if first.names:
        header = ["row", "feature", "value", "attribution", "answer"]
        write(folder / "attributions.csv", header, (line for part in parts for line in part.lines()))
        # who can read a value that was brought to scale?
        values = [[value if raw else None for raw, value in zip(first.readable, row, strict=True)] for row in first.values]
        drawn = attributions.draw(titles=titles, names=first.names, values=values, attributions=first.attributions)
        drawn.savefig(folder / "figures/attributions.png", dpi=120)
    if first.pictures is not None:
        Columns({name: np.concatenate([part.maps[name] for part in parts]) for name in first.maps}).save(folder / "maps")
        drawn = saliency.draw(pictures=first.pictures, maps=first.maps, titles=titles)
        drawn.savefig(folder / "figures/saliency.png", dpi=120)
    return {"input": path.name, "rows": len(rows), "steps": STEPS, "largest_error": max(part.error for part in parts)}


def _parts(model: Model, path: Path, attribute: Attributor, quiet: bool) -> Iterator[Explained]:
    total, pieces = model.read(path)
    with tqdm(total=total, desc="Attributions", unit="row", leave=False, disable=True if quiet else None) as bar:
        for names, raw in pieces:
            for start in range(0, len(names), AT_ONCE):
                some = names[start : start + AT_ONCE]
                yield attribute(some, raw.part(start, start + len(some)))
                bar.update(len(some))
