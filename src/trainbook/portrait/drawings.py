"""Drawings: the figures of a portrait, each made when it is asked for."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from trainbook.columns import Columns
from trainbook.portrait import many
from trainbook.portrait.correlations import strongest
from trainbook.portrait.drift import beyond_chance
from trainbook.portrait.features import Classes
from trainbook.portrait.portrait import Portrait

if TYPE_CHECKING:  # matplotlib takes a second
    from matplotlib.figure import Figure

PANELS, CORRELATED, ROWS = 24, 40, 1000
"""Columns in one figure; rows of pictures whose values are counted."""
GO_ON = 0.1
"""A mean course ends where fewer than this share of a class's series go on."""
Drawing = Callable[[], "Figure"]


def drawings(portrait: Portrait) -> dict[str, Drawing]:
    """By name, in the order in which a person looks at them."""
    contents = portrait.contents
    found: dict[str, Drawing] = {}
    for number, classes in enumerate(contents.classes):
        found["class_balance" if number == 0 else f"class_balance_{number + 1}"] = partial(_balance, portrait, classes)
    found["missing_values"] = partial(_missing, portrait)
    found["distributions"] = partial(_distributions, portrait)
    if len(portrait.numbers) > 1:
        found["correlations"] = partial(_correlations, portrait)
    found["train_against_test"] = partial(_drift, portrait)
    for number, (name, tables) in enumerate(contents.many.items(), 1):
        last = "" if number == 1 else f"_{number}"
        if tables["train"][name].dtype.kind not in "biuf":
            continue
        found[f"values{last}"] = partial(_values, name, tables)
        exclusive = [classes for classes in contents.classes if classes.exclusive]
        if exclusive and name in tables["train"].offsets and tables["train"][name].ndim == 2:
            found[f"courses{last}"] = partial(_courses, portrait, name, exclusive[0])
        if exclusive and name not in tables["train"].offsets and tables["train"][name].ndim in (3, 4):
            found[f"mean_pictures{last}"] = partial(_mean_pictures, tables["train"], exclusive[0])
    return found


def _balance(portrait: Portrait, classes: Classes) -> "Figure":
    from trainbook.figures import class_balance

    return class_balance.draw(classes=classes.names, counts=classes.counts(), rows=portrait.contents.rows, title=classes.name)


def _missing(portrait: Portrait) -> "Figure":
    from trainbook.figures import missing_values

    rows, features = portrait.contents.rows, portrait.features
    shares = {split: [each["missing"][split] / max(rows[split], 1) for each in features] for split in rows}
    return missing_values.draw(names=[each["name"] for each in features], shares=shares)


def chosen(portrait: Portrait) -> Iterator[str]:
    """The features that are drawn: all, or of many those that differ most between training and test rows."""
    every = [each.name for each in portrait.contents.features]
    if len(every) <= PANELS:
        yield from every
        return
    ranked = dict.fromkeys([each.name for each in portrait.differences] + every)
    yield from list(ranked)[:PANELS]


def _distributions(portrait: Portrait) -> "Figure":
    from trainbook.figures import distributions

    features = {each.name: each for each in portrait.contents.features}
    splits = [split for split in ("train", "test") if split in portrait.contents.rows]
    columns = {name: {split: features[name].values[split] for split in splits} for name in chosen(portrait)}
    few = f"the {PANELS} of {len(features)} columns whose test rows differ most from the training rows"
    return distributions.draw(columns=columns, title=few if len(features) > PANELS else "")


def _correlations(portrait: Portrait) -> "Figure":
    from trainbook.figures import correlations

    places = strongest(portrait.correlations, CORRELATED)
    names = [portrait.numbers[at].name for at in places]
    total = len(portrait.numbers)
    few = f"the {CORRELATED} of {total} numbers with the strongest correlations" if total > CORRELATED else ""
    return correlations.draw(matrix=portrait.correlations[np.ix_(places, places)], names=names, title=few)


def _drift(portrait: Portrait) -> "Figure":
    from trainbook.figures import drift

    found = portrait.differences
    marked = {each.name for each in beyond_chance(found)}
    return drift.draw(
        names=[each.name for each in found],
        measures=[each.measure for each in found],
        differences=[each.value for each in found],
        p=[each.p for each in found],
        beyond_chance=[each.name in marked for each in found],
    )


def _values(name: str, tables: Mapping[str, Columns]) -> "Figure":
    from trainbook.figures import values

    some = {}
    for split in (split for split in ("train", "test") if split in tables):
        rows = np.unique(np.linspace(0, tables[split].rows - 1, ROWS).astype(np.int64))
        some[split] = tables[split].take(rows)[name]
    return values.draw(values=some, title=f"values of {name}, of up to {ROWS:,} rows a split")


def _courses(portrait: Portrait, name: str, classes: Classes) -> "Figure":
    from trainbook.figures import courses

    train, ids = portrait.contents.many[name]["train"], classes.held["train"].astype(np.int64)
    lengths = np.diff(train.offsets[name])
    held = [lengths[ids == at] for at in range(len(classes.names))]
    return courses.draw(
        courses=many.courses(name, train, ids, len(classes.names), GO_ON),
        classes=classes.names,
        channels=many.called(name, train[name], portrait.known.get(name, {}).get("names")),
        lengths={each: float(np.median(own)) if len(own) else 0.0 for each, own in zip(classes.names, held, strict=True)},
    )


def _mean_pictures(train: Columns, classes: Classes) -> "Figure":
    from trainbook.figures import mean_pictures

    (name,) = train
    ids, counts = classes.held["train"], classes.counts()["train"]
    sums: NDArray[np.float64] = np.zeros((len(classes.names), *train[name].shape[1:]))
    for part in Columns({name: train[name], "ids": ids}).parts():
        for one in np.unique(part["ids"]):
            sums[int(one)] += part[name][part["ids"] == one].sum(axis=0, dtype=np.float64)
    shape: Sequence[Any] = (-1, *[1] * (sums.ndim - 1))
    means = sums / np.maximum(np.array(counts).reshape(shape), 1)
    return mean_pictures.draw(means=means, classes=classes.names, counts=counts)
