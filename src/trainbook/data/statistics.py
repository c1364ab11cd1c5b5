"""Statistics of a column, gathered part by part."""

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from trainbook.columns import Array, Columns
from trainbook.faults import Fault


class Statistics:
    """Count, mean, variance, smallest and largest value of all values of a column.

    Parts are joined by the formula of Chan, Golub and LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing
    Sample Variances", 1979.
    """

    def __init__(self) -> None:
        self.count, self.mean, self.squares = 0, 0.0, 0.0
        self.low, self.high = math.inf, -math.inf

    def add(self, values: Array) -> None:
        """Take in the values of some rows, of any shape; NaN, which only a target may be, is none."""
        if values.dtype.kind == "f":
            values = values[~np.isnan(values)]
        if not values.size:
            return
        flat: Any = values.astype(np.float64).reshape(-1)
        mean = float(flat.mean())
        flat -= mean
        count, distance = self.count + flat.size, mean - self.mean
        self.squares += float(flat @ flat) + distance**2 * self.count * flat.size / count
        self.mean += distance * flat.size / count
        self.count = count
        self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))

    def facts(self) -> dict[str, float]:
        """Mean, std, min and max; nothing where there were no values."""
        if not self.count:
            return {}
        return {"mean": self.mean, "std": math.sqrt(self.squares / self.count), "min": self.low, "max": self.high}


def counted(columns: Columns, name: str, size: int) -> list[int]:
    """Rows of each class (n,), or with each label (n, l); part by part, for numpy counts in a type eight times as large."""
    total = np.zeros(size, int)
    for part in columns.parts():
        total += np.bincount(part[name], minlength=size) if part[name].ndim == 1 else part[name].sum(axis=0, dtype=int)
    return [int(count) for count in total]


def whole(columns: Columns, names: Iterable[str]) -> Columns:
    """The columns as they are, if the named ones are finite numbers.

    Raises:
        Fault: names those that are not.
    """
    holes = [name for name in names if columns[name].dtype.kind == "f" and not np.isfinite(columns[name]).all()]
    if holes:
        raise Fault(
            f"Whole numbers were expected after all steps; {', '.join(holes)} has gaps that none of them fills (impute does)."
        )
    return columns
