"""Explanations of single rows, as tables, maps and figures in a folder."""

from collections.abc import Iterator
from itertools import chain
from operator import methodcaller
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from trainbook.columns import Columns
from trainbook.explanations.attribution import Attributor
from trainbook.explanations.explained import Explained
from trainbook.explanations.integrated_gradients import STEPS
from trainbook.explanations.tables import write
from trainbook.faults import Fault
from trainbook.figures import attributions, saliency, series, words
from trainbook.model import Model

DRAWN = 6
"""Rows that are drawn."""


def explain(model: Model, path: Path, train: Columns | None, folder: Path, quiet: bool) -> dict[str, Any]:
    """Explain the answer to every raw input; returns how it was done.

    Writes ``answers.csv``; ``attributions.csv`` of features, words or steps, and more such tables where there are several
    kinds; ``maps/`` for pictures; figures.

    Raises:
        Fault: the path holds no inputs of this model's kind.
    """
    attribute = Attributor(model, train)
    parts = list(_parts(model, path, attribute, quiet))
    if not parts:
        raise Fault(f"input={path}: at least one row was expected; it holds none.")
    rows = [row for part in parts for row in zip(part.rows, part.answers, part.amounts, part.errors, strict=True)]
    number = attribute.scores.number is not None
    write(folder / "answers.csv", ["row", "answer", "value" if number else "chance", "error"], rows)
    _tables(parts, folder)
    if parts[0].pictures is not None:
        maps = {name: np.concatenate([part.maps[name] for part in parts]) for name in parts[0].maps}
        Columns(maps).save(folder / "maps")
    titles = [f"{row}: {answer} ({amount:{'.4g' if number else '.2f'}})" for row, answer, amount, _ in rows[:DRAWN]]
    _figures(parts[0].first(DRAWN), titles, folder / "figures")
    return {
        "input": path.name,
        "rows": len(rows),
        "baseline": attribute.baseline.about,
        "steps": STEPS,
        "largest_error": max(error for *_, error in rows),
    }


def _tables(parts: list[Explained], folder: Path) -> None:
    """Of each kind of attributions a table; the first is ``attributions.csv``."""
    of = chain.from_iterable
    tables: dict[str, tuple[list[str], Iterator[tuple[Any, ...]]]] = {}
    if parts[0].names:
        tables["features"] = ["feature", "value"], of(part.features() for part in parts)
    for name in parts[0].words:
        tables[name] = ["place", "word"], of(map(methodcaller("places", name), parts))
    if parts[0].series is not None:
        tables["series"] = ["step", "channel", "value"], of(part.steps() for part in parts)
    for number, (kind, (header, lines)) in enumerate(tables.items()):
        write(folder / f"attributions{f'_{kind}' if number else ''}.csv", ["row", *header, "attribution", "answer"], lines)


def _figures(first: Explained, titles: list[str], folder: Path) -> None:
    drawn = {}
    if first.names:
        # who can read a value that was brought to scale?
        values = [[value if raw else None for raw, value in zip(first.readable, row, strict=True)] for row in first.values]
        drawn["attributions"] = attributions.draw(
            titles=titles, names=first.names, values=values, attributions=first.attributions
        )
    if first.pictures is not None:
        drawn["saliency"] = saliency.draw(pictures=first.pictures, maps=first.maps, titles=titles)
    for name, each in first.words.items():
        kind = "words" if len(first.words) == 1 else f"words_{name}"
        drawn[kind] = words.draw(titles=titles, words=each.words, attributions=each.attributions)
    if first.series is not None:
        drawn["series"] = series.draw(titles=titles, **first.series._asdict())
    for name, figure in drawn.items():
        figure.savefig(folder / f"{name}.png", dpi=120)


def _parts(model: Model, path: Path, attribute: Attributor, quiet: bool) -> Iterator[Explained]:
    total, pieces = model.read(path)
    with tqdm(total=total, desc="Attributions", unit="row", leave=False, disable=True if quiet else None) as bar:
        for names, raw in pieces:
            for part in attribute(names, raw):
                yield part
                bar.update(len(part.rows))
