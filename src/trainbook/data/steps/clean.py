"""Leave out training rows that teach nothing: exact duplicates and blank ones."""

from collections.abc import Mapping, Sequence

import numpy as np

from trainbook.columns import Array, Columns, Rows
from trainbook.data.steps.step import Step


class Clean(Step):
    """Runs before the split, so that no copy of a training row can end up in validation. The test part is never touched.

    Args:
        columns: the columns that are compared.
        duplicates: leave out all but the first of rows that are equal in these columns.
        blank: leave out rows whose values in these columns are all the same.
    """

    def __init__(self, columns: Sequence[str], duplicates: bool = True, blank: bool = True) -> None:
        self.columns, self.duplicates, self.blank = list(columns), duplicates, blank

    def keep(self, columns: Columns) -> Rows | None:
        rows = columns.rows
        flat = [np.ascontiguousarray(columns[name]).reshape(rows, -1) for name in self.columns]
        keep = np.ones(rows, dtype=bool)
        if self.blank:
            keep &= ~np.logical_and.reduce([(part == part[:, :1]).all(axis=1) for part in flat])
        if self.duplicates:
            seen: set[bytes] = set()
            for row in range(rows):
                key = b"".join(part[row].tobytes() for part in flat)
                keep[row] &= key not in seen
                seen.add(key)
        return keep

    def fit(self, columns: Columns) -> None:
        """Nothing is learnt."""

    def transform(self, columns: Columns) -> Columns:
        return columns

    def state(self) -> dict[str, Array]:
        return {}

    def restore(self, state: Mapping[str, Array]) -> None:
        """Nothing to take back."""
