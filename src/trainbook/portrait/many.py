"""Many: columns with many values a row (pictures, series of any length, free text), and what stands for a row of them."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainbook.columns import Array, Columns

CHANNELS = 50
"""Of series with more, one mean stands for all channels."""
WORD = re.compile(r"\w+")
MOST = 20
"""Words that are named."""
Tables = Mapping[str, Columns]
"""One column, by split."""


def is_text(values: Array) -> bool:
    """Whether a column is free text: strings, a row each."""
    return values.dtype == object and values.ndim == 1


def lengths(name: str, tables: Tables) -> Iterator[tuple[str, dict[str, Array], bool]]:
    """How long each row is, by split, and whether a network counts so: steps of a series; characters and words of a text, NaN of

    an empty one.
    """
    if name in tables["train"].offsets:
        yield f"length of {name}", {split: np.diff(table.offsets[name]) for split, table in tables.items()}, True
    elif is_text(tables["train"][name]):
        for unit, count in (("characters", len), ("words", lambda text: len(WORD.findall(text)))):
            counted = {
                split: [count(text) if text.strip() else np.nan for text in table[name]] for split, table in tables.items()
            }
            yield (
                f"length of {name} in {unit}",
                {split: np.array(each, np.float64) for split, each in counted.items()},
                unit == "words",
            )


def means(name: str, tables: Tables, names: Sequence[str] | None) -> Iterator[tuple[str, dict[str, Array]]]:
    """The mean of each row's values, by split; of series one for each channel. NaN where there is no value."""
    first = tables["train"][name]
    if first.dtype.kind not in "biuf":
        return
    if name in tables["train"].offsets and first.ndim == 2 and first.shape[1] <= CHANNELS:
        found = {split: _by_channel(name, table) for split, table in tables.items()}
        for at, channel in enumerate(called(name, first, names)):
            yield f"mean of {channel}", {split: each[:, at] for split, each in found.items()}
    else:
        yield f"mean of {name}", {split: _means(name, table) for split, table in tables.items()}


def called(name: str, values: Array, names: Sequence[str] | None) -> list[str]:
    """What the channels (n, k) of a column are called."""
    return [str(each) for each in names] if names else [f"{name}[{at}]" for at in range(values.shape[1])]


def channels(name: str, tables: Tables, names: Sequence[str] | None) -> list[dict[str, Any]]:
    """Of each channel of series: missing values in each split; mean, std, min and max of all values of the training rows."""
    found = []
    for at, channel in enumerate(called(name, tables["train"][name], names)):
        columns = {split: table[name][:, at].astype(np.float64) for split, table in tables.items()}
        missing = {split: int(np.isnan(values).sum()) for split, values in columns.items()}
        known = columns["train"][np.isfinite(columns["train"])]
        told = {"mean": known.mean(), "std": known.std(), "min": known.min(), "max": known.max()} if len(known) else {}
        steps = {split: len(values) for split, values in columns.items()}
        found.append({"name": channel, "values": steps, "missing": missing} | {key: float(value) for key, value in told.items()})
    return found


def words(texts: Array) -> dict[str, int]:
    """The words that stand in most texts, in small letters, and in how many."""
    counted = Counter(word for text in texts for word in set(WORD.findall(text.lower())))
    return dict(sorted(counted.items(), key=lambda each: (-each[1], each[0]))[:MOST])


def courses(name: str, train: Columns, ids: NDArray[np.int64], classes: int, least: float) -> NDArray[np.float64]:
    """The mean course of the series of each class (classes, steps, channels); NaN where fewer than a share have a value."""
    ends, values = train.offsets[name], train[name].astype(np.float64)
    rows = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
    steps = np.arange(len(values)) - ends[rows]
    shape = (classes, int(np.diff(ends).max(initial=0)), values.shape[1])
    sums, counts = np.zeros(shape), np.zeros(shape)
    np.add.at(sums, (ids[rows], steps), np.nan_to_num(values))
    np.add.at(counts, (ids[rows], steps), ~np.isnan(values))
    enough = counts >= np.maximum(least * np.bincount(ids, minlength=classes), 1)[:, np.newaxis, np.newaxis]
    return np.where(enough, sums / np.maximum(counts, 1), np.nan)


def _by_channel(name: str, table: Columns) -> NDArray[np.float64]:
    """(n, channels): means of what is not missing."""
    known = ~np.isnan(table[name]) if table[name].dtype.kind == "f" else np.ones(table[name].shape, bool)
    values = np.where(known, table[name], 0).astype(np.float64)
    sums, counts = (
        np.diff(np.concatenate([0 * each[:1], each.cumsum(axis=0)])[table.offsets[name]], axis=0) for each in (values, known)
    )
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _means(name: str, table: Columns) -> NDArray[np.float64]:
    """The mean of each row's values; NaN of a ragged row without any."""
    if name not in table.offsets:
        parts = [part[name].reshape(part.rows, -1).mean(axis=1, dtype=np.float64) for part in table.parts()]
        return np.concatenate([np.empty(0), *parts])
    flat = Columns({name: table[name].reshape(len(table[name]), -1).mean(axis=1, keepdims=True, dtype=np.float64)}, table.offsets)
    return _by_channel(name, flat)[:, 0]
