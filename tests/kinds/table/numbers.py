"""Put columns of numbers side by side, without gaps and on one scale."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trainbook.columns import Array, Columns
from trainbook.data.steps.step import Step


class Numbers(Step):
    """Makes ``into`` (n, columns): gaps become the training rows' median, then mean 0 and deviation 1.

    Args:
        columns: the columns to put together.
        into: the name of what is made.
    """

    def __init__(self, columns: Sequence[str], into: str = "numbers") -> None:
        self.columns, self.into = list(columns), into
        self.learnt: dict[str, Array] = {}

    def fit(self, columns: Columns) -> None:
        values = self._side_by_side(columns)
        median = np.nanmedian(values, axis=0)
        filled = np.where(np.isnan(values), median, values)
        self.learnt = {"median": median, "mean": filled.mean(0), "std": filled.std(0)}

    def transform(self, columns: Columns) -> Columns:
        if not set(self.columns) <= set(columns):
            return columns
        values, learnt = self._side_by_side(columns), self.learnt
        filled = np.where(np.isnan(values), learnt["median"], values)
        return columns.replace(**{self.into: ((filled - learnt["mean"]) / learnt["std"]).astype(np.float32)})

    def state(self) -> dict[str, Array]:
        return self.learnt

    def restore(self, state: Mapping[str, Array]) -> None:
        self.learnt = dict(state)

    def facts(self) -> dict[str, dict[str, Any]]:
        return {self.into: {"names": self.columns}}

    def _side_by_side(self, columns: Columns) -> np.ndarray:
        return np.stack([columns[name] for name in self.columns], axis=1).astype(np.float64)
