"""Leave out training rows in which something is missing."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trainbook.columns import Array, Columns, Mask
from trainbook.data.steps.step import Step
from trainbook.faults import Fault


class Drop(Step):
    """Training rows alone are dropped; rows to be judged or predicted stay, so that an ``Impute`` should follow.

    Args:
        columns: numbers (NaN = missing) or text (empty = missing), in matrices or in rows of any length, that are looked at.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = list(columns)

    def fit(self, columns: Columns) -> None:
        """Nothing is learnt."""

    def transform(self, columns: Columns) -> Columns:
        return columns

    def resample(self, columns: Columns) -> Columns:
        """The rows in which nothing is missing.

        Raises:
            Fault: there is none.
        """
        whole = np.logical_and.reduce([_whole(columns, name) for name in self.columns])
        if not whole.any():
            raise Fault(f"A training row without gaps in {', '.join(self.columns)} was expected; there is none. Impute instead.")
        return columns.take(whole)

    def state(self) -> dict[str, Array]:
        return {}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Nothing to take back."""


def _whole(columns: Columns, name: str) -> Mask:
    values = columns[name]
    missing: Any = values == "" if values.dtype.kind in "UO" else np.isnan(values)
    gaps: Mask = missing.reshape(len(values), -1).any(axis=1)
    if name in columns.offsets:
        return np.array([not each.any() for each in Columns({name: gaps}, {name: columns.offsets[name]}).entries(name)], bool)
    return ~gaps
