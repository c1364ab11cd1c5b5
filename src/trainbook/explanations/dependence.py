"""Partial dependence: the mean chance of each answer as one feature takes one value after the other in all rows."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trainbook.columns import Array, Columns
from trainbook.data.samples.finished import finished
from trainbook.explanations.feature import Feature
from trainbook.explanations.importance import AT_ONCE, repeated
from trainbook.explanations.scores import Scores
from trainbook.model import Model

ROWS = 500
"""Rows that are averaged."""
FEATURES = 6
"""The most important ones, which are drawn."""
VALUES = 20
"""Of a feature, at most."""
EDGES = (0.05, 0.95)
"""Beyond these quantiles of a number there are too few rows to say much."""
Answer = Callable[[Columns], NDArray[np.float64]]


class Dependence(NamedTuple):
    """How answers hang on a feature."""

    name: str
    grid: Array
    """(values,) numbers or text"""
    chances: NDArray[np.float64]
    """(values, answers)"""


def answering(model: Model) -> Answer:
    """Raw rows -> the chance of each answer (n, answers)."""
    import torch

    scores = Scores(model.task, model.facts)

    def answer(raw: Columns) -> NDArray[np.float64]:
        with torch.inference_mode():
            chances: NDArray[np.float64] = (
                scores.chances(scores(finished(model.sample, model.preparation.transform(raw)).inputs)).double().numpy()
            )
        return chances

    return answer


def dependence(table: Columns, feature: Feature, answer: Answer) -> Dependence:
    """Source: Friedman, "Greedy Function Approximation: A Gradient Boosting Machine", 2001, section 8.2."""
    grid, means = values_of(feature.of(table)), []
    together = max(1, AT_ONCE // table.rows)
    for start in range(0, len(grid), together):
        some = grid[start : start + together]
        stacked = repeated(table, len(some))
        for at, value in enumerate(some):
            feature.put(stacked, slice(at * table.rows, (at + 1) * table.rows), value)
        chances = answer(stacked)
        means.append(chances.reshape(len(some), table.rows, -1).mean(1))
    return Dependence(feature.name, grid, np.concatenate(means))


def values_of(values: Array) -> Array:
    """Values that a feature really has: all if they are few, else quantiles of numbers, or the commonest words."""
    known: Any = values if values.dtype.kind == "U" else values[~np.isnan(values)]
    different, counts = np.unique(known, return_counts=True)
    if len(different) <= VALUES:
        return different if len(different) else values[:1]
    if values.dtype.kind == "U":
        return np.sort(different[np.argsort(-counts, kind="stable")[:VALUES]])
    quantiles: Array = np.unique(np.quantile(known, np.linspace(*EDGES, VALUES), method="nearest"))
    return quantiles
